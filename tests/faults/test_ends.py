"""What is returned when a run was stopped, by a limit, by a person, or by a fault."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem import Status

from .mixtures import TWO, centres

START = {"weights": np.array([0.5, 0.5]), "loc": np.array([1.9, 2.1])}


@pytest.fixture(scope="module")
def model():
    return centres()


@pytest.fixture(scope="module")
def whole(model):
    return jaxem.fit(model, TWO, init=START)


def test_ctrl_c_returns_the_best_so_far(model, whole):
    seen = []

    def stop(report):
        seen.append(report)
        if len(seen) == 2:
            raise KeyboardInterrupt

    fit = jaxem.fit(model, TWO, init=START, tolerance=0, max_steps=500, progress=stop)
    assert fit.status == Status.INTERRUPTED and not fit.converged
    assert fit.steps == seen[1].steps == len(fit.trace) - 1 > seen[0].steps
    assert fit.objective == seen[1].best == fit.trace[-1]
    assert seen[1].max_steps == 500 and seen[1].restarts == 1
    shared = min(len(fit.trace), len(whole.trace))
    np.testing.assert_allclose(fit.trace[:shared], whole.trace[:shared], rtol=1e-12)


def test_ctrl_c_spares_the_restarts_that_had_converged(model):
    """One start is at the top, the other at a saddle that it takes long to leave."""

    def stop(report):
        if report.active < 2:
            raise KeyboardInterrupt

    top = jaxem.fit(model, TWO, init=START).params
    near = {"weights": np.full(2, 0.5), "loc": TWO.mean() + np.array([-1e-5, 1e-5])}
    starts = {name: np.stack([near[name], top[name]]) for name in top}
    fit = jaxem.fit(model, TWO, init=starts, restarts=2, progress=stop)
    assert fit.restarts.status == [Status.INTERRUPTED, Status.CONVERGED]
    assert fit.restarts.best == 1 and fit.converged


def test_the_step_limit_is_never_called_converged(model, whole):
    """One step short of the end, the rule that ends a run has not been met."""
    assert whole.converged
    short = jaxem.fit(model, TWO, init=START, max_steps=whole.steps - 1)
    assert short.status == Status.STEP_LIMIT and short.steps == whole.steps - 1
    exact = jaxem.fit(model, TWO, init=START, max_steps=whole.steps)
    assert exact.status == Status.CONVERGED


def test_no_step_at_all_is_the_start(model):
    fit = jaxem.fit(model, TWO, init=START, max_steps=0)
    assert fit.steps == 0 and fit.status == Status.STEP_LIMIT
    np.testing.assert_array_equal(fit.params["loc"], START["loc"])
    assert fit.trace == [fit.objective]


def test_the_time_limit_returns_what_there_is(model):
    fit = jaxem.fit(model, TWO, init=START, tolerance=0, max_steps=10**6, time_limit=0.05)
    assert fit.status == Status.TIME_LIMIT
    assert 0 < fit.steps < 10**6 and fit.objective == fit.trace[-1]


def test_a_wrong_update_returns_the_parameters_before_the_fall(model):
    """Two good steps, then a bad one: the third is not in the trace."""

    def update(params, data, responsibilities):
        loc = responsibilities.T @ data / responsibilities.sum(0)
        weights = responsibilities.sum(0) / responsibilities.sum()
        settled = jnp.abs(loc - params["loc"]).max() < 0.05
        return {"weights": weights, "loc": jnp.where(settled, loc + 3.0, loc)}

    algorithm = jaxem.EM(m_step=jaxem.ClosedForm(update))
    fit = jaxem.fit(model, TWO, init=START, algorithm=algorithm)
    assert fit.status == Status.OBJECTIVE_FELL
    assert fit.objective == fit.trace[-1] == fit.trace.max()
    values = model.log_likelihood(fit.params, TWO)
    np.testing.assert_allclose(values, fit.objective, rtol=1e-12)
    assert fit.steps == len(fit.trace) - 1 > 1


def test_a_fault_neither_stops_the_others_nor_wins(model):
    """The second of three starts cannot explain a row; the third is symmetric."""
    start = {
        "weights": np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]),
        "loc": np.array([[0.0, 5.0], [np.inf, 5.0], [1.75, 1.75]]),
    }
    start["loc"][1, 0] = 1e200
    start["weights"][1] = [1.0, 0.0]
    fit = jaxem.fit(model, TWO, init=start, restarts=3)
    first, second, third = fit.restarts.status
    assert first == Status.CONVERGED and fit.restarts.best == 0
    assert second == Status.IMPOSSIBLE and third == Status.SADDLE
    assert "3 restarts, 1 reached the best" in fit.summary()
    for status in (second, third):
        assert status.sentence in fit.summary()
