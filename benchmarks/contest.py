"""Two libraries in turn: the same work by each, right after one another, several times.

A machine that is slower for a minute slows both halves of a pair, so the ratio is taken pair by
pair, and its median is what counts. The time of one step is the difference between a long and a
short fit: what every fit pays once, such as reading the data or its last check, cancels.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.report import figure


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Seconds of jaxem and of its peer, pair by pair."""

    ours: np.ndarray
    theirs: np.ndarray

    def cells(self, unit: float = 1.0) -> list[str]:
        """Median of each and the ratio with its range, as three cells of a table."""
        ratios = self.theirs / self.ours
        low, middle, high = (figure(q) for q in np.quantile(ratios, [0, 0.5, 1]))
        medians = [figure(float(np.median(times)) / unit) for times in (self.ours, self.theirs)]
        return [*medians, f"{middle} ({low} to {high})"]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Pairs of whole fits, and what the last fit of each returned."""

    whole: Pairs
    ours: Any
    theirs: Any


@dataclasses.dataclass(frozen=True)
class Stepwise(Outcome):
    """The same for long fits, and the time of one step from the short and the long fit."""

    step: Pairs


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a piece of work takes, and what it returns."""
    begin = time.perf_counter()
    answer = work()
    return time.perf_counter() - begin, answer


def duel(ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int) -> Outcome:
    """Time both in turn; what compiles has to have run before."""
    seconds, answers = [], (None, None)
    for _ in range(repeats):
        (mine, a), (peer, b) = clock(ours), clock(theirs)
        seconds.append((mine, peer))
        answers = a, b
    return Outcome(Pairs(*np.array(seconds).T), *answers)


def duel_of_steps(
    ours: Callable[[int], Any], theirs: Callable[[int], Any], steps: tuple[int, int], repeats: int
) -> Stepwise:
    """Time fits of few and of many steps by both in turn.

    Args:
        ours: A fit by jaxem of that many steps.
        theirs: The same by the peer.
        steps: Few and many.
        repeats: Pairs.
    """
    few, many = steps
    short, long = [], []
    answers = (None, None)
    for _ in range(repeats):
        seconds = []
        for fit in (ours, theirs):
            brief, _ = clock(lambda fit=fit: fit(few))
            full, answer = clock(lambda fit=fit: fit(many))
            seconds.append((brief, full, answer))
        short.append([s[0] for s in seconds])
        long.append([s[1] for s in seconds])
        answers = tuple(s[2] for s in seconds)
    whole = np.array(long)
    step = (whole - np.array(short)) / (many - few)
    return Stepwise(Pairs(*whole.T), *answers, step=Pairs(*step.T))
