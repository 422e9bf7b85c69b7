"""The full-covariance Gaussian mixture, one start: time a step, time a fit, and memory."""

import argparse

import numpy as np

from benchmarks import scikit
from benchmarks.contest import clock, duel_of_steps
from benchmarks.memory import measure
from benchmarks.problem import LARGE, SMALL, Size, declare, draw_rows, draw_starts, fit
from benchmarks.report import figure, publish, table

STEPS = 5, 25

TIMES = (
    "problem",
    "jaxem, ms a step",
    "scikit-learn, ms a step",
    "scikit-learn / jaxem (range)",
    f"jaxem, s for {STEPS[1]} steps",
    f"scikit-learn, s for {STEPS[1]} steps",
    "scikit-learn / jaxem (range)",
    "jaxem's first fit, s",
    "apart, nats",
)
MEMORY = ("problem", "library", "import and data, MiB", "with a fit, MiB", "the fit adds, MiB")


def times(size: Size, repeats: int) -> list[str]:
    """One row of the table of times."""
    rows = draw_rows(size)
    starts = draw_starts(size, rows)
    model = declare(size)
    first, _ = clock(lambda: fit(model, rows, starts, STEPS[0]))
    result = duel_of_steps(
        lambda steps: fit(model, rows, starts, steps),
        lambda steps: scikit.fit(rows, starts, steps),
        STEPS,
        repeats,
    )
    ends = result.ours.restarts.objective - scikit.log_likelihoods(result.theirs, rows)
    apart = f"{np.abs(ends).max():.1e}"
    cells = [*result.step.cells(unit=1e-3), *result.whole.cells()]
    return [str(size), *cells, figure(first), apart]


def memory(size: Size, library: str) -> list[str]:
    """One row of the table of memory."""
    before = measure(size, library, 0)
    after = measure(size, library, STEPS[0])
    return [str(size), library, *(f"{mib:,.0f}" for mib in (before, after, after - before))]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true", help=f"leave out {LARGE}")
    options.add_argument("--repeats", type=int, default=5, help="pairs (default 5)")
    chosen = options.parse_args()
    sizes = [SMALL] if chosen.small else [SMALL, LARGE]
    publish(
        "gaussian",
        f"{'--small ' if chosen.small else ''}--repeats {chosen.repeats}",
        ["numpy", "scikit-learn"],
        table(TIMES, [times(size, chosen.repeats) for size in sizes]),
        table(MEMORY, [memory(s, name) for s in sizes for name in ("jaxem", "scikit-learn")]),
    )


if __name__ == "__main__":
    main()
