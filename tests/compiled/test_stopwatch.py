"""Where the seconds of a fit go, and what a person is told who waits for a program."""

import threading
import time

import jax.numpy as jnp
import numpy as np

import jaxem
from jaxem.compiled import stopwatch

X = np.arange(9.0)


def two_locations():
    def log_joint(params, z, x):
        return -0.5 * (x - params["loc"][z]) ** 2 - jnp.log(2.0)

    return jaxem.Model(log_joint, jaxem.Finite(2), {"loc": jaxem.flat((2,))})


def test_the_seconds_of_a_fit_are_all_of_them():
    began = time.perf_counter()
    fit = jaxem.fit(two_locations(), X, restarts=3)
    wall = time.perf_counter() - began
    parts = fit.seconds
    assert min(parts.plan, parts.trace, parts.compile, parts.steps, parts.judge) >= 0
    assert parts.plan > 0 and parts.steps > 0 and parts.judge > 0
    assert 0.5 * wall <= parts.total <= 1.05 * wall


def test_a_fit_that_compiles_nothing_says_so():
    model = two_locations()
    jaxem.fit(model, X, restarts=3)
    again = jaxem.fit(model, X, restarts=3).seconds
    assert again.trace == again.compile == 0


def test_a_loaded_fit_has_no_seconds(tmp_path):
    model = two_locations()
    jaxem.fit(model, X).save(tmp_path / "fit.npz")
    assert jaxem.load(tmp_path / "fit.npz", model=model).seconds is None


class Listener:
    """A progress callback that is told what is being compiled, too."""

    def __init__(self):
        self.words, self.reports = [], []
        self.told = threading.Event()

    def say(self, words):
        self.words.append(words)
        self.told.set()

    def __call__(self, report):
        self.reports.append(report)


def test_a_long_compilation_is_told(monkeypatch):
    monkeypatch.setattr(stopwatch, "_PATIENCE", 0.0)
    listener = Listener()

    def slow(params, z, x):  # a declaration of its own, so that something is compiled
        return -0.5 * (x - params["loc"][z]) ** 2 - jnp.log(2.0) - 0.125

    model = jaxem.Model(slow, jaxem.Finite(2), {"loc": jaxem.flat((2,))})
    jaxem.fit(model, X, progress=listener)
    assert listener.told.wait(5)
    assert listener.reports
    assert all(words.startswith("compiling: ") for words in listener.words)


def test_nobody_is_told_after_the_fit(monkeypatch):
    monkeypatch.setattr(stopwatch, "_PATIENCE", 30.0)
    listener = Listener()
    jaxem.fit(two_locations(), X, progress=listener)
    assert not [t for t in threading.enumerate() if isinstance(t, threading.Timer)]
    assert listener.words == []
