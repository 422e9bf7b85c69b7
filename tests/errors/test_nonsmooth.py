"""Readings of a fit whose log joint has kinks: a mixture of Laplace distributions."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import Status


def log_joint(p, z, v):
    return jnp.log(p["w"][z]) + dist.Laplace(p["loc"][z], p["scale"]).log_prob(v)


@functools.cache
def fitted():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.laplace(-2, 1, 60), rng.laplace(3, 1, 41)])
    prior = {
        "w": jaxem.flat((2,), constraints.simplex),
        "loc": jaxem.flat((2,)),
        "scale": jaxem.flat((), constraints.positive),
    }
    return jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(2), prior), x, restarts=2), x


def test_a_maximum_at_a_kink_converges_and_says_so():
    fit, x = fitted()
    assert fit.status == Status.CONVERGED
    assert np.abs(x[:, None] - fit.params["loc"]).min(0).max() < 1e-8
    assert "kinks in loc" in str(fit)


def test_locations_at_kinks_are_held_by_errors():
    fit, x = fitted()
    errors = fit.errors(x)
    assert np.isnan(errors.se["loc"]).all()
    assert np.isfinite(errors.se["scale"]) and np.isfinite(errors.se["w"]).all()
    assert not errors.upward


def test_no_gaussian_describes_a_posterior_at_a_kink():
    fit, x = fitted()
    with pytest.raises(jaxem.DeclarationError, match="kinks of the log joint"):
        jaxem.posterior.laplace(fit, x)
