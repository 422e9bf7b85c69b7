"""Whatever the search says of a log joint, a fit ends at the objective that all rows give."""

import functools
import re

import numpy as np
import pytest

import jaxem

from .search import JOINTS, searched

ACCEPTED = ["censored", "items", "known variances", "wishart", "inactive clip"]
MERGED = {"zero-inflated, zeros rare", "categories, most rare"}
REFUSED = ["student beside a tight normal", "normal, or laplace beyond a bend"]
#: Whose rows may all be on one side of the bend at every draw of a plan, and at the end.
WITHIN_REACH = ["normal, or laplace beyond a bend"]
#: Of two starts one whose scales put every row beyond the bend.
NARROW = {
    "weights": np.full((2, 3), 1 / 3),
    "loc": np.array([[-1.0, 0.0, 1.0]] * 2),
    "scale": np.array([[0.05] * 3, [1.0] * 3]),
}
_CHANGE = re.compile(r"restart (\d), step (\d+): (product|anchors) to (anchors|direct): .+")


@functools.cache
def fitted(name: str) -> jaxem.Fit:
    init = NARROW if name == "huber" else None
    return jaxem.fit(searched(name).model, JOINTS[name].data, restarts=2, max_steps=12, init=init)


def _all() -> list:
    """Names; those whose programs take long to compile are marked."""
    slow = {
        "wishart",
        "normal, or laplace beyond a bend",
        "zero-inflated, zeros rare",
        "censored",
    }
    names = [*ACCEPTED, *sorted(MERGED), *REFUSED, "huber"]
    return [pytest.param(n, marks=pytest.mark.long if n in slow else ()) for n in names]


@pytest.mark.parametrize("name", _all())
def test_a_fit_ends_honestly(name):
    """One test a joint: each has programs of its own to compile, on one worker."""
    _check_objective(name)
    _check_trace(name)
    _check_record(name)
    _check_way(name)


def _check_objective(name: str) -> None:
    fit, rows = fitted(name), JOINTS[name].data
    model = fit.model
    assert model is not None
    direct = float(model.log_likelihood(fit.params, rows)) + float(model.log_prior(fit.params))
    assert fit.objective == pytest.approx(direct, rel=1e-9)
    assert fit.trace[-1] == fit.objective
    assert len(fit.trace) == fit.steps + 1


def _check_trace(name: str) -> None:
    route = fitted(name).plan.route
    at_the_end = [_CHANGE.fullmatch(c) for c in route.changes if "all rows give an objective" in c]
    late = {int(m[1]) for m in at_the_end if m}
    for restart, trace in enumerate(fitted(name).restarts.traces):
        told = trace[:-1] if restart in late else trace
        assert np.all(np.diff(told) >= -1e-9 * (1 + np.abs(told[1:])))


def _check_record(name: str) -> None:
    """A restart that a guard found wanting has moved, and no other has been moved by a guard."""
    route = fitted(name).plan.route
    moves = [_CHANGE.fullmatch(change) for change in route.changes]
    by_guard = {(m[1], m[2]) for m in moves if m and m[0].endswith("the guard saw errors")}
    bad = {(str(g.restart), str(g.steps)) for g in route.guards if not _sound(g)}
    assert all(moves)
    assert by_guard == bad
    assert bool(route.reason) == (route.path == "direct") == (route.rank is None)
    if route.path == "direct":
        assert not route.guards and not route.changes


def _check_way(name: str) -> None:
    route = fitted(name).plan.route
    paths = {"product"} if name in [*ACCEPTED, "huber"] else {"direct"}
    if name in WITHIN_REACH:
        paths |= {"product"}
    assert route.path in paths
    assert (route.merged < route.rows) == (name in MERGED)


def test_rows_that_leave_the_space_on_the_way_move_the_fit():
    """Scales so small that far rows cross the bend: the product is wrong, and is noticed.

    By the guard where many rows are far; at the end, when every row is looked at, where few are.
    """
    route = fitted("huber").plan.route
    assert any(guard.error > 1.0 for guard in route.guards)
    assert [change for change in route.changes if change.startswith("restart 0, step 0")]
    assert [change for change in route.changes if "all rows give an objective" in change]


def _sound(guard) -> bool:
    return guard.bound <= 1e-2 and guard.error <= 1e-6
