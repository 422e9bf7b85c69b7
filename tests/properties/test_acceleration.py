"""Accelerated and plain EM reach the same optimum, for models of many kinds."""

import jax
import numpy as np
import pytest

import jaxem

pytestmark = pytest.mark.long

#: Two more programs to compile each: a model of every kind has to do.
SOME = ["gaussian full", "blood groups", "latent classes"]
WAYS = {
    "squarem": {"algorithm": jaxem.Squarem()},
    "anderson": {"algorithm": jaxem.Anderson()},
    "finish": {"finish": "newton"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("study", SOME, indirect=True)
def test_the_same_optimum(study, way):
    fit, plain = study.fit(**WAYS[way]), study.fitted
    assert all(s == jaxem.Status.CONVERGED for s in fit.restarts.status)
    np.testing.assert_allclose(fit.restarts.objective, plain.restarts.objective, atol=1e-8)
    for found, expected in zip(*map(jax.tree.leaves, (fit.params, plain.params)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for trace in fit.restarts.traces:
        assert np.all(np.diff(trace) > -1e-11)


@pytest.mark.parametrize("study", ["weibull"], indirect=True)
def test_newton_m_steps_are_accelerated_too(study):
    fit = study.fit(algorithm=jaxem.Anderson())
    assert fit.converged and fit.steps < study.fitted.steps / 3
    np.testing.assert_allclose(fit.objective, study.fitted.objective, atol=1e-8)


@pytest.mark.parametrize("study", ["laplace prior"], indirect=True)
def test_a_finish_holds_what_is_at_a_kink(study):
    fit = study.fit(finish="newton")
    assert fit.converged
    assert fit.objective >= study.fitted.objective - 1e-9
    np.testing.assert_array_equal(fit.params["loc"] == 0, study.fitted.params["loc"] == 0)
