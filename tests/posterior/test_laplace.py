"""Laplace's approximation: exact where the posterior is Gaussian, and candid where it is not."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import special

import jaxem

from .problems import HEADS, POINTS, fitted, normal_normal, normal_normal_answer


@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.0, 2.0, 1.0, 3.0, 0.0, 1.0])])
def test_a_gaussian_posterior_is_exact(weights):
    fit = jaxem.fit(normal_normal(), POINTS, weights=weights, tolerance=1e-2)
    found = jaxem.posterior.laplace(fit, POINTS, weights=weights, draws=20_000, key=3)
    mean, covariance, evidence = normal_normal_answer(np.ones(7) if weights is None else weights)
    assert found.is_peak and not found.notes and not found.at_boundary
    np.testing.assert_allclose(found.mean, mean, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9)
    np.testing.assert_allclose(found.log_evidence, evidence, rtol=1e-10)
    draws = np.stack([found.draws["level"], found.draws["shift"]], 1)
    assert draws.shape == (20_000, 2)
    error = (draws.mean(0) - mean) / np.sqrt(np.diag(covariance) / 20_000)
    assert np.abs(error).max() < 4
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.05 * covariance.max())


def test_the_mode_has_the_jacobian_and_draws_are_nested_as_declared():
    """In the logit of the probability, Beta(a, b) has its mode at a / (a + b); rows are merged."""
    found = jaxem.posterior.laplace(fitted("coin"), HEADS, draws=5)
    a, b = 2 + HEADS.sum(), 3 + (1 - HEADS).sum()
    np.testing.assert_allclose(special.expit(found.mean[0]), a / (a + b), rtol=1e-10)
    np.testing.assert_allclose(found.covariance[0, 0], (a + b) / (a * b), rtol=1e-9)
    height = a * np.log(a / (a + b)) + b * np.log(b / (a + b)) - special.betaln(2, 3)
    volume = 0.5 * np.log(2 * np.pi * (a + b) / (a * b))
    np.testing.assert_allclose(found.log_evidence, height + volume, rtol=1e-10)
    assert found.params["coin"]["heads"].shape == (5,)
    np.testing.assert_allclose(found.draws["kind"], np.tile([0.3, 0.7], (5, 1)))


def test_an_unidentified_direction_is_told():
    model = jaxem.Model(
        lambda params, z, x: dist.Normal(params["one"] + params["other"], 1.0).log_prob(x),
        jaxem.Finite(1),
        {"one": jaxem.flat(), "other": jaxem.flat()},
    )
    fit = jaxem.fit(model, POINTS)
    with pytest.warns() as told:
        found = jaxem.posterior.laplace(fit, POINTS)
    said = " ".join(str(w.message) for w in told)
    assert "'one', 'other' is flat on an unbounded set" in said
    assert "not negative definite" in said
    assert not found.is_peak and np.isnan(found.log_evidence)
    assert "not negative definite" in found.notes[0]
    sums = found.draws["one"] + found.draws["other"]
    assert np.all(np.isfinite(sums)) and jnp.std(sums) < 1


def test_in_single_precision(float32):
    fit = jaxem.fit(normal_normal(), POINTS.astype(np.float32))
    found = jaxem.posterior.laplace(fit, POINTS.astype(np.float32), draws=10)
    mean, covariance, evidence = normal_normal_answer(np.ones(7))
    assert found.draws["level"].dtype == np.float32 and found.is_peak
    np.testing.assert_allclose(found.mean, mean, rtol=1e-4)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-4)
    np.testing.assert_allclose(found.log_evidence, evidence, rtol=1e-5)
