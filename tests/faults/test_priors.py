"""Priors that are infinite at an edge have no mode there, and their infinity never wins."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem
from jaxem import Status

from .mixtures import ANSWERS, choices, weights


def coins(prior):
    def log_joint(params, z, heads):
        kind = jnp.log(params["weights"][z])
        return kind + dist.Binomial(5, params["heads"][z]).log_prob(heads)

    return jaxem.Model(log_joint, jaxem.Finite(2), {"weights": weights(2), "heads": prior})


def never_given():
    """No row has the third answer: its count is negative in every class."""
    return choices(concentration=0.1), ANSWERS % 2


def unanimous():
    """One coin never falls on its head."""
    heads = np.concatenate([np.zeros(10, int), np.random.default_rng(0).binomial(5, 0.7, 10)])
    return coins(dist.Beta(0.3, 0.3).expand([2])), heads


@pytest.mark.parametrize("case", [never_given, unanimous], ids=lambda case: case.__name__)
def test_a_prior_without_a_mode_is_told(case):
    model, data = case()
    fit = jaxem.fit(model, data, restarts=4, max_steps=300)
    assert fit.restarts.status == [Status.NO_INTERIOR_MODE] * 4
    assert not fit.status.usable


def test_a_concentration_of_one_is_no_trouble():
    """Flat where it could have been infinite: the answer on the edge is the right one."""
    fit = jaxem.fit(choices(concentration=1.0), ANSWERS % 2, restarts=2)
    assert fit.converged
    np.testing.assert_allclose(fit.params["answer"][..., 2], 0.0, atol=1e-12)
