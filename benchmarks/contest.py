"""One contest: jaxem and scikit-learn in turn, the same starts, the same number of EM steps.

The number of steps is the stopping rule of both, so that neither gains by stopping early; what
each has reached is compared, and has to be the same. jaxem's first fit, which holds tracing,
planning and compilation, is timed apart.
"""

import dataclasses
import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

import jaxem
from benchmarks.problem import Size, declare, draw_rows, draw_starts


@dataclasses.dataclass(frozen=True)
class Result:
    """Seconds of every paired run, and how many nats the two answers are apart at most."""

    size: Size
    first: float
    ours: np.ndarray
    theirs: np.ndarray
    apart: float

    @property
    def ratios(self) -> np.ndarray:
        """scikit-learn's time over jaxem's, pair by pair."""
        return self.theirs / self.ours


def fit_ours(size: Size, rows, starts, model: jaxem.Model) -> np.ndarray:
    """Log likelihood of every restart, (R,)."""
    done = jaxem.fit(
        model, rows, init=starts, restarts=size.restarts, tolerance=0, max_steps=size.steps
    )
    return np.asarray(done.restarts.objective)


def fit_theirs(size: Size, rows, starts) -> np.ndarray:
    """The same with scikit-learn, one start after another: it has no other way."""
    return np.array([_fit_one(size, rows, starts, r) for r in range(size.restarts)])


def _fit_one(size: Size, rows, starts, r: int) -> float:
    mixture = GaussianMixture(
        size.components,
        reg_covar=0,
        tol=0,
        max_iter=size.steps,
        weights_init=starts["weights"][r],
        means_init=starts["loc"][r],
        precisions_init=np.linalg.inv(starts["cov"][r]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the steps are the stopping rule
        mixture.fit(rows)
    return mixture.score(rows) * len(rows)


def clock(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Seconds that a piece of work takes, and what it returns."""
    begin = time.perf_counter()
    answer = work()
    return time.perf_counter() - begin, answer


def contest(size: Size, repeats: int) -> Result:
    """Run both in turn, `repeats` times."""
    rows = draw_rows(size)
    starts = draw_starts(size, rows)
    if size.restarts == 1:
        given = {name: value[0] for name, value in starts.items()}
    else:
        given = starts
    model = declare(size)
    first, ours = clock(lambda: fit_ours(size, rows, given, model))
    pairs = []
    theirs = ours
    for _ in range(repeats):
        mine, _ = clock(lambda: fit_ours(size, rows, given, model))
        peer, theirs = clock(lambda: fit_theirs(size, rows, starts))
        pairs.append((mine, peer))
    seconds = np.array(pairs)
    apart = float(np.max(np.abs(ours - theirs)))
    return Result(size, first, seconds[:, 0], seconds[:, 1], apart)
