"""The objective: it never falls, it belongs to the parameters, and it ends where it is flat."""

import numpy as np

ULP = np.finfo(float).eps


def test_the_objective_never_falls(study):
    trace = study.fitted.trace
    assert np.all(np.diff(trace) >= -16 * ULP * (1 + np.abs(trace[1:])))


def test_every_case_converges(study):
    fit = study.fitted
    assert fit.converged, fit.status.sentence
    assert fit.steps == len(fit.trace) - 1 == fit.restarts.steps[0]


def test_the_objective_is_that_of_the_parameters(study):
    fit = study.fitted
    values = {k: np.asarray(v)[None] for k, v in study.model.flatten(fit.params).items()}
    (objective,) = study.objectives(values)
    np.testing.assert_allclose(fit.objective, objective, rtol=1e-12)
    assert fit.objective == fit.log_posterior == fit.trace[-1]
    np.testing.assert_allclose(fit.log_likelihood + fit.log_prior, objective, rtol=1e-12)


def test_the_end_is_stationary(study):
    """Where a prior has a kink there is no gradient to be small."""
    if study.model.parameters[-1].described != "Laplace":
        assert study.fitted.gradient_norm < 2e-3


def test_the_start_comes_first(study):
    np.testing.assert_allclose(study.fitted.trace[0], study.at_start.posterior, rtol=1e-12)
    np.testing.assert_allclose(study.short.trace, study.fitted.trace[: 7], rtol=1e-12)
