"""Extrapolations are judged: bad ones cost an evaluation, and nothing else."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem.algorithm.algorithm import Proposal
from jaxem.algorithm.wrapped import Wrapped
from tests.fitting.problem import DATA, START, mixture

#: Three starts; two of them lead to the same optimum with the labels exchanged.
STARTS: dict[str, Any] = {
    "weights": np.array([[0.4, 0.6], [0.5, 0.5], [0.7, 0.3]]),
    "shape": {
        "loc": np.array([[0.5, 2.0], [4.0, -1.0], [1.0, 1.3]]),
        "scale": np.array([[1.0, 1.0], [1.0, 1.0], [2.0, 0.7]]),
    },
}


@dataclasses.dataclass(frozen=True)
class Reckless(Wrapped):
    """Extrapolates to where nothing is good, every time."""

    far: float = 50.0

    def memory(self, model, dtype):
        return ()

    def propose(self, model, memory, values, image):
        there = {**image, "shape.loc": image["shape.loc"] + self.far}
        return Proposal(there, memory, jnp.ones((), bool))

    def refuse(self, model, memory, image):
        return Proposal(dict(image), memory, jnp.zeros((), bool))


def fit(**options):
    return jaxem.fit(mixture(), DATA, **options)


@pytest.mark.parametrize("far", [50.0, np.nan, np.inf])
def test_refused_leaps_leave_em_as_it_is(far):
    """Every second evaluation is an extrapolation that fails; the others are EM's own."""
    plain = fit(init=START, tolerance=0, max_steps=6)
    wild = fit(init=START, tolerance=0, max_steps=12, algorithm=Reckless(far=far))
    assert wild.steps == 12
    np.testing.assert_allclose(wild.trace[2::2], plain.trace[1:], rtol=1e-13)
    np.testing.assert_array_equal(wild.trace[1::2], wild.trace[:-1:2])


def test_refused_leaps_do_not_keep_from_converging():
    wild = fit(init=START, algorithm=Reckless())
    assert wild.converged
    assert wild.objective == pytest.approx(fit(init=START).objective, abs=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("algorithm", [jaxem.Squarem(), jaxem.Anderson()], ids=repr)
def test_restarts_run_as_if_alone(algorithm):
    together = fit(init=STARTS, restarts=3, algorithm=algorithm, tolerance=0, max_steps=20)
    for lane in range(3):
        start = {
            "weights": STARTS["weights"][lane],
            "shape": {name: leaf[lane] for name, leaf in STARTS["shape"].items()},
        }
        alone = fit(init=start, algorithm=algorithm, tolerance=0, max_steps=20)
        np.testing.assert_allclose(together.restarts.traces[lane], alone.trace, rtol=1e-10)


@pytest.mark.parametrize("algorithm", [jaxem.Squarem(), jaxem.Anderson()], ids=repr)
def test_compaction_and_a_new_path_change_nothing(algorithm):
    """Restarts that end at different times reach what plain EM reaches."""
    plain = fit(init=STARTS, restarts=3)
    fast = fit(init=STARTS, restarts=3, algorithm=algorithm)
    assert all(s == jaxem.Status.CONVERGED for s in fast.restarts.status)
    np.testing.assert_allclose(fast.restarts.objective, plain.restarts.objective, atol=1e-8)
    assert np.all(fast.restarts.steps < plain.restarts.steps)


def test_interrupted_is_not_converged():
    """Short of its own limits nothing has converged, nor was left behind."""

    def interrupt(progress):
        raise KeyboardInterrupt

    for options in ({"finish": "newton"}, {"restarts": jaxem.Race(3, keep=1, after=4)}):
        count = {"init": STARTS, "restarts": 3, **options}
        stopped = fit(progress=interrupt, **count)
        assert set(stopped.restarts.status) == {jaxem.Status.INTERRUPTED}


@pytest.mark.parametrize("algorithm", [jaxem.Squarem(), jaxem.Anderson()], ids=repr)
def test_it_is_saved(algorithm, tmp_path):
    found = fit(init=START, algorithm=algorithm, tolerance=0, max_steps=20)
    found.save(tmp_path / "fit")
    loaded = jaxem.load(tmp_path / "fit")
    assert loaded.algorithm == algorithm and loaded.steps == found.steps
    assert loaded.method == found.method == (algorithm.sentence,)
