"""What a fit tells: the best of its restarts, all of them, and a page to read."""

import io
from contextlib import redirect_stderr

import numpy as np
import pytest

import jaxem
from jaxem import Status

from .problem import DATA, START, fitted, mixture, steps


def test_the_best_restart_is_the_fit():
    fit, restarts = fitted(), fitted().restarts
    best = restarts.best
    assert len(restarts) == 3 and restarts.status[2] == Status.SADDLE and best < 2
    assert fit.objective == restarts.objective[best]
    assert fit.objective == pytest.approx(restarts.objective.max(), rel=1e-9)
    assert fit.status == restarts.status[best] and fit.steps == restarts.steps[best]
    assert fit.gradient_norm == restarts.gradient_norm[best] < 1e-4
    np.testing.assert_array_equal(fit.params["shape"]["loc"], restarts.params["shape"]["loc"][best])
    np.testing.assert_array_equal(fit.trace, restarts.traces[best])
    assert [len(t) for t in restarts.traces] == (restarts.steps + 1).tolist()
    assert restarts.reached_best == 2


def test_a_page_for_a_statistician():
    page = str(fitted())
    assert page == fitted().summary() == repr(fitted())
    for words in (
        "Finite(2), 150 rows",
        Status.CONVERGED.sentence,
        f"{fitted().log_likelihood:.6f}",
        f"{fitted().log_posterior:.6f}",
        "shape.loc:",
        "3 restarts, 2 reached the best objective",
        f"1  {Status.SADDLE.sentence}",
    ):
        assert words in page
    assert "restarts=20" in str(steps(2))


def test_responsibilities_and_predictions_of_new_rows():
    fit = fitted()
    rows = np.array([-3.0, 1.4, 9.0])
    responsibilities = np.asarray(fit.responsibilities(rows))
    np.testing.assert_allclose(responsibilities.sum(1), 1.0, rtol=1e-13)
    np.testing.assert_array_equal(fit.predict(rows), responsibilities.argmax(1))
    density = np.asarray(fit.log_density(rows)).sum()
    np.testing.assert_allclose(density, mixture().log_likelihood(fit.params, rows), rtol=1e-12)


def test_parameters_are_plain_arrays():
    for value in (fitted().params["weights"], fitted().restarts.objective, fitted().trace):
        assert isinstance(value, np.ndarray) and value.dtype == np.float64


def test_an_impossible_best_is_still_a_fit():
    """All restarts may be bad: one is returned, and says so."""
    start = {
        "weights": np.array([1.0, 0.0]),
        "shape": {"loc": np.full(2, 1e200), "scale": np.ones(2)},
    }
    fit = jaxem.fit(mixture(), DATA, init=start, restarts=3)
    assert fit.status == Status.IMPOSSIBLE and fit.objective == -np.inf
    assert fit.restarts.reached_best == 0
    assert Status.IMPOSSIBLE.sentence in fit.summary()


@pytest.mark.parametrize("restarts", [1, 3])
def test_progress_is_reported_between_chunks(restarts):
    seen = []
    jaxem.fit(
        mixture(),
        DATA,
        init=START,
        restarts=restarts,
        tolerance=0,
        max_steps=60,
        progress=seen.append,
    )
    assert [report.steps for report in seen] == [24, 49, 60]
    assert [report.active for report in seen] == [restarts, restarts, 0]
    assert all(report.restarts == restarts and report.max_steps == 60 for report in seen)
    assert np.all(np.diff([report.best for report in seen]) >= 0)


def test_progress_as_a_line_of_text():
    stream = io.StringIO()
    with redirect_stderr(stream):
        jaxem.fit(mixture(), DATA, init=START, tolerance=0, max_steps=30, progress=True)
    assert "step 30, 0 of 1 restarts running" in stream.getvalue()
    assert stream.getvalue().endswith("\n")
