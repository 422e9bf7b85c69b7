"""The objective: it never falls, it belongs to the parameters, and it ends where it is flat."""

import numpy as np

ULP = np.finfo(float).eps


def test_the_objective_never_falls(study):
    for trace in study.fitted.restarts.traces:
        # matrix products round a little more than sums, and EM's last steps are rounding
        assert np.all(np.diff(trace) >= -32 * ULP * (1 + np.abs(trace[1:])))


def test_every_case_converges(study):
    fit = study.fitted
    assert fit.converged, fit.status.sentence
    assert fit.steps == len(fit.trace) - 1 == fit.restarts.steps[fit.restarts.best]


def test_the_objective_is_that_of_the_parameters(study):
    fit = study.fitted
    objective = study.look(study.model.flatten(fit.params)).posterior
    np.testing.assert_allclose(fit.objective, objective, rtol=1e-12)
    assert fit.objective == fit.log_posterior == fit.trace[-1]
    np.testing.assert_allclose(fit.log_likelihood + fit.log_prior, objective, rtol=1e-12)


def test_the_end_is_stationary(study):
    assert study.fitted.gradient_norm < 2e-3


def test_a_trace_begins_at_the_start_and_a_limit_only_ends_it_sooner(study):
    trace = study.fitted.restarts.traces[0]
    np.testing.assert_allclose(trace[0], study.at_start.posterior, rtol=1e-12)
    short = study.short.restarts.traces[0]
    assert len(short) == 7
    shared = min(len(trace), len(short))
    np.testing.assert_allclose(short[:shared], trace[:shared], rtol=1e-12)
