"""Posteriors of hidden Markov models: states summed out by the recursion, and drawn as paths."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import log_density

import jaxem
from jaxem.posterior.fitted import open_fit
from tests.chains.test_variants import brute_force
from tests.chains.variants import LENGTHS, START, Y

pytestmark = pytest.mark.long

WEIGHTS = np.array([1.0, 2.0, 0.5])


def model():
    """Two states, every parameter with a proper prior."""

    def log_joint(p, z_prev, z, x):
        chances = p["initial"] if z_prev is None else p["transition"][z_prev]
        return jnp.log(chances)[z] + dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x)

    prior = {
        "initial": dist.Dirichlet(jnp.full(2, 2.0)),
        "transition": dist.Dirichlet(jnp.full((2, 2), 3.0)),
        "loc": dist.Normal(jnp.array([-1.0, 1.0]), 1.0),
        "scale": dist.Gamma(jnp.full(2, 6.0), 6.0),
    }
    return jaxem.Model(log_joint, jaxem.Chain(2), prior)


@functools.cache
def fitted():
    return jaxem.fit(model(), Y, lengths=LENGTHS, init=START)


@functools.cache
def gauss():
    return jaxem.posterior.laplace(fitted(), Y, lengths=LENGTHS, draws=400)


def as_arrays(start):
    return {name: jnp.asarray(value) for name, value in start.items()}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
def test_the_program_has_the_density_of_a_sum_over_paths(weights):
    declared = model()
    params = as_arrays(START)
    evidence, _ = brute_force(declared, params, Y)
    expected = (np.ones(3) if weights is None else weights) @ evidence
    expected += float(declared.log_prior(params))
    program = jaxem.to_numpyro(declared, Y, lengths=LENGTHS, weights=weights)
    assert float(log_density(program, (), {}, params)[0]) == pytest.approx(expected, abs=1e-10)
    open_program = jaxem.to_numpyro(declared)
    found = log_density(open_program, (Y,), {"weights": weights, "lengths": LENGTHS}, params)[0]
    assert float(found) == pytest.approx(expected, abs=1e-10)


def test_what_stands_past_an_end_is_not_read():
    spoilt = np.where(np.arange(4) < LENGTHS[:, None], Y, np.nan)
    program = jaxem.to_numpyro(model(), spoilt, lengths=LENGTHS)
    sound = jaxem.to_numpyro(model(), Y, lengths=LENGTHS)
    params = as_arrays(START)

    def slope(program):
        return jax.grad(lambda p: log_density(program, (), {}, p)[0])(params)

    for a, b in zip(jax.tree.leaves(slope(program)), jax.tree.leaves(slope(sound)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_the_gaussian_at_the_mode():
    found, target = gauss(), open_fit(fitted(), Y, None, lengths=LENGTHS).target
    assert found.is_peak and np.isfinite(found.log_evidence)
    assert found.draws["transition"].shape == (400, 2, 2)
    _, gradient = target.slope(found.mean)
    np.testing.assert_allclose(gradient, 0, atol=1e-8)
    differences = [
        (target.slope(found.mean + s)[1] - target.slope(found.mean - s)[1]) / 2e-5
        for s in 1e-5 * np.eye(target.size)
    ]
    np.testing.assert_allclose(-np.linalg.inv(found.covariance), differences, atol=1e-5)


def test_a_short_run_of_nuts_and_its_paths():
    fit = fitted()
    sampler = jaxem.posterior.nuts(
        fit, Y, lengths=LENGTHS, warmup=100, samples=150, chains=1, key=1
    )
    draws = sampler.get_samples()
    for name in ("loc", "scale"):
        one, other = np.asarray(draws[name]), np.asarray(gauss().draws[name])
        assert np.all(np.abs(one.mean(0) - other.mean(0)) < other.std(0))
    paths = np.asarray(jaxem.posterior.latents(fit, draws, Y, lengths=LENGTHS))
    exists = np.arange(4) < LENGTHS[:, None]
    assert paths.shape == (150, 3, 4) and paths.dtype == np.int32
    assert np.all((paths == -1) == ~exists)


def test_paths_are_drawn_together():
    """At equal draws of the parameters, pairs are as frequent as the posterior has them."""
    fit, count = fitted(), 4000
    values = fit.model.flatten(fit.params)
    draws = {k: np.tile(v, (2, count // 2, *[1] * np.ndim(v))) for k, v in values.items()}
    paths = np.asarray(jaxem.posterior.latents(fit, draws, Y, lengths=LENGTHS, key=3))
    assert paths.shape == (2, count // 2, 3, 4)
    flat = paths.reshape(count, 3, 4)
    pairs = np.asarray(fit.pairwise(Y, lengths=LENGTHS))
    for a, b in np.ndindex(2, 2):
        seen = ((flat[:, 0, :-1] == a) & (flat[:, 0, 1:] == b)).mean(0)
        np.testing.assert_allclose(seen, pairs[0, :, a, b], atol=5 * np.sqrt(0.25 / count))


def test_other_sequences_than_were_fitted_are_refused():
    with pytest.raises(jaxem.DeclarationError, match="log likelihood of fit"):
        jaxem.posterior.laplace(fitted(), Y[::-1], lengths=LENGTHS)
    with pytest.raises(jaxem.DeclarationError, match="rows of positive weight"):
        jaxem.posterior.laplace(fitted(), Y)
    with pytest.raises(jaxem.DeclarationError, match="independent"):
        jaxem.to_numpyro(jaxem.zoo.poisson_mixture(2), np.arange(9), lengths=[9])
