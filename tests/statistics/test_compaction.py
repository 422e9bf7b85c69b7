"""Restarts that have ended leave the program, and nobody's answer changes."""

import jax
import numpy as np
import pytest

import jaxem
from jaxem.model import known
from jaxem.optimise import runner
from jaxem.optimise.state import CHUNK

from .paths import NORMAL, NORMAL_STARTS, normals

LANES = 7


def _starts() -> dict[str, np.ndarray]:
    """From the optimum itself to far away from it: runs of very different lengths."""
    one = {name: value[0] for name, value in NORMAL_STARTS.items()}
    best = jaxem.fit(normals(), NORMAL, init=one, tolerance=1e-6).params
    rng = np.random.default_rng(8)
    far = 4.0 * np.linspace(0, 1, LANES)[:, None] ** 3
    return {
        "weights": np.tile(best["weights"], (LANES, 1)),
        "loc": best["loc"] + far * rng.normal(size=(LANES, 2)),
        "scale": best["scale"] * np.exp(0.5 * far),
    }


@pytest.fixture(scope="module")
def both():
    """The same restarts, always and never compacted; and the sizes of programs that ran."""
    out, starts = {}, _starts()
    for pays in (True, False):
        model = normals.__wrapped__()
        known._remembered.clear()  # else the second finds the programs of the first
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runner.Clock, "pays", lambda self, smaller, pays=pays: pays)
            patch.setattr("jaxem.optimise.state.LONG_CHUNK", CHUNK)  # short enough to see ends
            fit = jaxem.fit(model, NORMAL, init=starts, restarts=LANES, tolerance=1e-6)
        sizes = [key[-1] for key in fit.plan.compiled]
        out[pays] = fit, sizes, model.traces
    return out


def test_runs_are_of_very_different_lengths(both):
    steps = both[False][0].restarts.steps
    assert steps.min() < 10
    assert steps.max() > 4 * 25
    assert np.all([s == jaxem.Status.CONVERGED for s in both[False][0].restarts.status])


def test_every_restart_ends_as_it_would_have(both):
    compacted, whole = (both[pays][0].restarts for pays in (True, False))
    assert both[True][0].plan.route.changes == both[False][0].plan.route.changes == ()
    assert compacted.status == whole.status
    assert compacted.best == whole.best
    np.testing.assert_allclose(compacted.steps, whole.steps, atol=1)  # by rounding
    for a, b in zip(compacted.traces, whole.traces, strict=True):
        common = min(len(a), len(b))
        np.testing.assert_allclose(a[:common], b[:common], rtol=1e-12)
    for a, b in zip(*map(jax.tree.leaves, (compacted.params, whole.params)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_smaller_programs_have_powers_of_two(both):
    assert both[False][1] == [LANES]
    first, *smaller = both[True][1]
    assert first == LANES
    assert smaller
    assert all(size & (size - 1) == 0 and size <= LANES // 2 for size in smaller)
    assert smaller == sorted(set(smaller), reverse=True)


def test_the_log_joint_is_run_by_python_no_more_often(both):
    assert both[True][2] == both[False][2] <= 4
