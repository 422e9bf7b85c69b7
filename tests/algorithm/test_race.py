"""Races on the four classes of the carcinoma data, whose best optimum a third of starts reach."""

import numpy as np
import pytest

import jaxem
from jaxem import Status
from jaxem.optimise.race import drop_losers
from tests.cases.classes import carcinoma

RESTARTS, KEEP, AFTER = 64, 4, 10


@pytest.fixture(scope="module")
def declared():
    return carcinoma(4)


@pytest.fixture(scope="module")
def full(declared):
    return declared.fit(restarts=RESTARTS)


@pytest.fixture(scope="module")
def race(declared):
    return declared.fit(restarts=jaxem.Race(RESTARTS, keep=KEEP, after=AFTER))


def test_the_same_best_optimum_for_a_third_of_the_work(full, race):
    assert full.converged and race.converged
    assert race.objective == pytest.approx(full.objective, abs=1e-8)
    assert race.restarts.steps.sum() < full.restarts.steps.sum() / 3


def test_who_was_left_behind_says_so(full, race):
    """And is where it was when the others went on, with the trace of that start."""
    dropped = np.asarray([s == Status.DROPPED for s in race.restarts.status])
    assert dropped.sum() == RESTARTS - KEEP
    assert np.all(race.restarts.steps[dropped] == AFTER)
    assert "dropped from the race" in race.summary()
    assert "after 10 steps the best 4 of 64 restarts go on" in race.summary()
    for lane in np.flatnonzero(dropped)[:5]:
        trace = race.restarts.traces[lane]
        np.testing.assert_allclose(trace, full.restarts.traces[lane][: AFTER + 1], rtol=1e-12)
    behind = race.restarts.objective[dropped].max()
    ahead = [race.restarts.traces[i][AFTER] for i in np.flatnonzero(~dropped)]
    assert min(ahead) >= behind


@pytest.mark.long
def test_a_race_of_accelerated_starts(declared, full):
    """Answers on the boundary, whose logarithms never come to rest, do not confuse it."""
    race = jaxem.Race(RESTARTS, keep=KEEP, after=AFTER)
    fit = declared.fit(restarts=race, algorithm=jaxem.Anderson())
    assert fit.converged
    assert fit.objective == pytest.approx(full.objective, abs=1e-8)
    assert fit.restarts.steps.sum() < full.restarts.steps.sum() / 30


def test_the_limit_of_steps_may_come_first(declared):
    fit = declared.fit(restarts=jaxem.Race(8, keep=2, after=10), max_steps=5)
    assert set(fit.restarts.status) <= {Status.STEP_LIMIT, Status.DROPPED}
    assert not fit.converged and np.all(fit.restarts.steps == 5)


def test_only_sane_restarts_win():
    """One that broke with an infinite objective does not, and one that ended keeps its status."""
    objective = np.array([np.inf, -1.0, -3.0, -2.0, np.nan])
    status = np.array([Status.DEGENERATE, Status.CONVERGED, 0, 0, Status.NON_FINITE], np.int32)
    expected = [Status.DEGENERATE, Status.CONVERGED, Status.DROPPED, Status.RUNNING]
    assert drop_losers(2, objective, status).tolist() == [*expected, Status.NON_FINITE]
