"""Sixty-four starts of a full-covariance Gaussian mixture: equal steps, and each to its end."""

import argparse

import numpy as np

from benchmarks import scikit
from benchmarks.contest import clock, duel
from benchmarks.problem import Size, declare, draw_rows, draw_starts, fit
from benchmarks.report import figure, publish, table

SIZE = Size(rows=5_000, features=8, components=8, restarts=64)
EQUAL = 50
LIMIT = 500
CHANGE = 1e-6  # of the mean log likelihood of a row, in scikit-learn's rule
SAME = 1e-3  # nats within which two ends count as one

TIMES = (
    "stopping rule",
    "jaxem, s",
    "scikit-learn, s",
    "scikit-learn / jaxem (range)",
    "jaxem's first fit, s",
    "steps, jaxem",
    "steps, scikit-learn",
)
ENDS = (
    "stopping rule",
    f"same, to {SAME:g}",
    "jaxem higher",
    "jaxem lower",
    "jaxem higher by up to, nats",
    "jaxem lower by up to, nats",
)


def spread(steps) -> str:
    """Median and largest of the steps that the starts took."""
    middle, most = int(np.median(steps)), int(np.max(steps))
    return str(most) if middle == most else f"median {middle}, at most {most}"


def contest(rule: str, size: Size, steps: int, change: float, repeats: int) -> list[list[str]]:
    """One row of either table.

    Args:
        rule: The stopping rule in words.
        size: The problem.
        steps: Limit of the steps of both.
        change: scikit-learn stops when the mean log likelihood changes by less; jaxem when, by
            Aitken's estimate, less than this a row is left to gain, which comes later.
        repeats: Pairs.
    """
    rows = draw_rows(size)
    starts = draw_starts(size, rows)
    model = declare(size)

    def ours():
        return fit(model, rows, starts, steps, change * len(rows))

    first, _ = clock(ours)
    result = duel(ours, lambda: scikit.fit(rows, starts, steps, change), repeats)
    restarts, mixtures = result.ours.restarts, result.theirs
    ahead = restarts.objective - scikit.log_likelihoods(mixtures, rows)
    taken = [spread(restarts.steps), spread([mixture.n_iter_ for mixture in mixtures])]
    sides = np.abs(ahead) <= SAME, ahead > SAME, ahead < -SAME
    counts = [str(int(side.sum())) for side in sides]
    farthest = [f"{max(0.0, float(side.max())):.1e}" for side in (ahead, -ahead)]
    return [[rule, *result.whole.cells(), figure(first), *taken], [rule, *counts, *farthest]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=3, help="pairs (default 3)")
    repeats = options.parse_args().repeats
    by_rule = f"change < {CHANGE:g} a row, at most {LIMIT} steps"
    lines = [
        contest(f"{EQUAL} steps", SIZE, EQUAL, 0, repeats),
        contest(by_rule, SIZE, LIMIT, CHANGE, repeats),
    ]
    times, ends = zip(*lines, strict=True)
    publish(
        "restarts",
        f"--repeats {repeats}",
        ["numpy", "scikit-learn"],
        f"{SIZE}, the same starts for both:",
        table(TIMES, times),
        "Where the starts ended, each compared with the same start of the other:",
        table(ENDS, ends),
    )


if __name__ == "__main__":
    main()
