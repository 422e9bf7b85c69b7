"""Counting steps: exactly as many as asked for, and a trace that tells them all."""

import numpy as np
import pytest

from jaxem import Status
from jaxem.optimise.state import CHUNK

from .problem import DATA, mixture, steps


@pytest.fixture(scope="module")
def long():
    return steps(2 * CHUNK + 3)


@pytest.mark.parametrize("count", [0, 1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_no_tolerance_is_exactly_so_many_steps(long, count):
    """Across the seams of the compiled chunks, too."""
    fit = steps(count)
    assert fit.steps == count and fit.status == Status.STEP_LIMIT and not fit.converged
    np.testing.assert_allclose(fit.trace, long.trace[: count + 1], rtol=1e-13)
    assert fit.objective == fit.trace[-1]


def test_the_objective_belongs_to_the_parameters(long):
    model = mixture()
    for fit in (steps(0), steps(3), long):
        likelihood, prior = model.log_likelihood(fit.params, DATA), model.log_prior(fit.params)
        np.testing.assert_allclose(fit.log_likelihood, likelihood, rtol=1e-12)
        np.testing.assert_allclose(fit.log_prior, prior, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(fit.log_posterior, likelihood + prior, rtol=1e-12)


def test_many_steps_at_rest_stay_at_rest():
    """Rounding neither ends such a run early nor makes it fall."""
    fit = steps(1200)
    assert fit.steps == 1200 and fit.status == Status.STEP_LIMIT
    assert np.all(np.diff(fit.trace) > -1e-10)
