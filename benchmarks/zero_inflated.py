"""A zero-inflated negative binomial mixture: EM against NumPyro's SVI with Adam.

SVI takes its steps; jaxem then has to pass the log likelihood that SVI has reached, from the same
start, and the time until then is compared. How many steps SVI is given decides much, so there are
two comparisons: many, as one would ask for who does not know when to stop, and as few as bring
SVI within a tenth of a nat of where the many end, which nobody knows beforehand.
"""

import argparse
from collections.abc import Callable

import numpy as np

import jaxem
from benchmarks import zero_inflated_svi
from benchmarks.contest import clock, duel
from benchmarks.report import figure, publish, table
from benchmarks.zero_inflated_problem import Size, declare, draw_rows, draw_start

RATE = 0.1  # of 0.01, 0.03, 0.1 and 0.3 about the one with which SVI is there first
STEPS = 2_000
NEAR = 0.1
ROUNDING = 1e-6  # nats; SVI may end at the very maximum, which EM only tends to
LIMITS = 100, 1_000, 10_000

HEAD = (
    "problem",
    "SVI's steps",
    "EM's steps",
    "jaxem, s",
    "SVI, s",
    "SVI / jaxem (range)",
    "jaxem's first fit, s",
    "SVI's first run, s",
    "log likelihood, jaxem",
    "log likelihood, SVI",
)


def steps_to_pass(fit: Callable[[int], jaxem.Fit], goal: float) -> int:
    """The first step after which the trace of a fit is not below the goal."""
    for limit in LIMITS:
        past = np.flatnonzero(fit(limit).trace >= goal)
        if len(past):
            return int(past[0])
    raise SystemExit(f"EM has not passed SVI's log likelihood {goal:.6f} in {limit} steps")


def contest(size: Size, svi_steps: int, repeats: int) -> list[list[str]]:
    """Two rows of the table: SVI with all its steps, and with as few as bring it near."""
    rows = draw_rows(size)
    start = draw_start(size, rows)
    model = declare(size)

    def ours(steps: int) -> jaxem.Fit:
        return jaxem.fit(model, rows, init=start, tolerance=0, max_steps=steps)

    def line(svi_steps: int) -> tuple[list[str], np.ndarray]:
        svi = zero_inflated_svi.prepare(size, rows, start, svi_steps, RATE)
        their_first, (reached, losses) = clock(svi)
        goal = float(model.log_likelihood(reached, rows))
        steps = steps_to_pass(ours, goal - ROUNDING)
        result = duel(lambda: ours(steps), svi, repeats)
        ends = [f"{value:.3f}" for value in (result.ours.log_likelihood, goal)]
        counts = [f"{count:,}" for count in (svi_steps, steps)]
        firsts = [figure(our_first), figure(their_first)]
        return [str(size), *counts, *result.whole.cells(), *firsts, *ends], np.asarray(losses)

    our_first, _ = clock(lambda: ours(LIMITS[0]))
    long, losses = line(svi_steps)
    near = int(np.argmax(losses <= losses[-1] + NEAR))
    short, _ = line(max(1, near))
    return [long, short]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true", help="a tenth of the rows and SVI steps")
    options.add_argument("--repeats", type=int, default=3, help="pairs (default 3)")
    options.add_argument("--plain", action="store_true", help="leave the covariate out")
    chosen = options.parse_args()
    share = 10 if chosen.small else 1
    variants = (False,) if chosen.plain else (False, True)
    sizes = [Size(20_000 // share, 3, covariate) for covariate in variants]
    lines = [line for size in sizes for line in contest(size, STEPS // share, chosen.repeats)]
    publish(
        "zero_inflated",
        f"{'--small ' if chosen.small else ''}{'--plain ' if chosen.plain else ''}"
        f"--repeats {chosen.repeats}",
        ["funsor"],
        table(HEAD, lines),
        f"SVI is Adam at {RATE:g} with the states summed out by TraceEnum_ELBO. jaxem's first fit "
        f"takes {LIMITS[0]} steps.",
    )


if __name__ == "__main__":
    main()
