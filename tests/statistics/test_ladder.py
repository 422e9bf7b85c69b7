"""A restart that replaced data do not serve leaves them, alone, and still ends right."""

import numpy as np
import pytest

import jaxem
from jaxem.optimise.watch import Guards

from .paths import NORMAL, NORMAL_STARTS, begin_with, normals


def _fit(**options) -> jaxem.Fit:
    options = {"max_steps": 60, "tolerance": 0, **options}
    return jaxem.fit(normals(), NORMAL, init=NORMAL_STARTS, restarts=2, **options)


@pytest.fixture(scope="module")
def expected():
    """Sixty steps of two restarts on the rows as they are."""
    with pytest.MonkeyPatch.context() as patch:
        begin_with(patch, "direct")
        return _fit()


def _assert_same(fit: jaxem.Fit, expected: jaxem.Fit) -> None:
    for i in range(2):
        assert len(fit.restarts.traces[i]) == fit.restarts.steps[i] + 1 == 61
        np.testing.assert_allclose(fit.restarts.traces[i], expected.restarts.traces[i], rtol=1e-10)
    np.testing.assert_allclose(fit.restarts.objective, expected.restarts.objective, rtol=1e-10)
    np.testing.assert_allclose(fit.params["loc"], expected.params["loc"], rtol=1e-8)


def _look(answer):
    """A guard that says what it is told to, and remembers nothing."""

    def next_path(self, values, path, restart, steps):
        return answer(path, restart, steps)

    return next_path


@pytest.mark.parametrize("there", ["anchors", "direct"])
def test_a_guard_moves_one_restart_and_leaves_the_other(there, expected, monkeypatch):
    def answer(path, restart, steps):
        return there if restart == 1 and steps > 0 and path == "product" else path

    monkeypatch.setattr(Guards, "next_path", _look(answer))
    fit = _fit()
    reason = f"restart 1, step 24: product to {there}: the guard saw errors"
    assert fit.plan.route.changes == (reason,)
    _assert_same(fit, expected)


def test_a_restart_may_go_all_the_way_down(expected, monkeypatch):
    below = {"product": "anchors", "anchors": "direct"}
    monkeypatch.setattr(Guards, "next_path", _look(lambda path, *_: below[path]))
    fit = _fit()
    moves = [change.split(":")[1].strip() for change in fit.plan.route.changes]
    assert sorted(moves) == 2 * ["anchors to direct"] + 2 * ["product to anchors"]
    _assert_same(fit, expected)


def test_a_guard_that_sees_no_fault_moves_nothing(expected):
    fit = _fit()
    assert fit.plan.route.changes == ()
    assert {guard.restart for guard in fit.plan.route.guards} == {0, 1}
    assert all(guard.error < 1e-10 for guard in fit.plan.route.guards)
    _assert_same(fit, expected)


def test_an_end_that_the_rows_do_not_confirm_is_gone_back_on(expected, monkeypatch):
    """The objective of all rows is another: the last step is judged again, on the rows."""
    honest = Guards.evidence
    calls = []

    def evidence(self, e_step, restarts, values):
        calls.append(restarts)
        return ((i, total + 1.0) for i, total in honest(self, e_step, restarts, values))

    monkeypatch.setattr(Guards, "evidence", evidence)
    monkeypatch.setattr("jaxem.objective.exact._SECONDS", np.inf)
    fit = _fit()
    changes = sorted(fit.plan.route.changes)
    assert len(calls) == 1
    assert [change.split(", step")[0] for change in changes] == ["restart 0", "restart 1"]
    assert all("step 60: product to direct: all rows give an objective" in c for c in changes)
    assert all("+1.0e+00 nats away" in change for change in changes)
    _assert_same(fit, expected)


def test_the_time_limit_finds_a_restart_that_has_just_moved_whole(expected, monkeypatch):
    """It has an objective, that of its parameters, and a trace that ends with it."""

    def answer(path, restart, steps):
        return "direct" if restart == 1 and steps > 0 else path

    monkeypatch.setattr(Guards, "next_path", _look(answer))
    fit = _fit(time_limit=1e-9)
    model = fit.model
    assert model is not None
    assert fit.status == jaxem.Status.TIME_LIMIT
    for i in range(2):
        params = {name: value[i] for name, value in fit.restarts.params.items()}
        there = float(model.log_likelihood(params, NORMAL)) + float(model.log_prior(params))
        assert fit.restarts.objective[i] == pytest.approx(there, rel=1e-10)
        assert fit.restarts.traces[i][-1] == pytest.approx(there, rel=1e-10)
        assert len(fit.restarts.traces[i]) == fit.restarts.steps[i] + 1
