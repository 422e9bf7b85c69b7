"""Gaussian hidden Markov models: many sequences, one long sequence, and many starts at once."""

import argparse
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from benchmarks.chains_problem import (
    LONG,
    MANY,
    STARTS,
    Size,
    declare,
    draw_sequences,
    draw_starts,
    fit,
)
from benchmarks.contest import clock, duel_of_steps
from benchmarks.memory import peak, printed_by
from benchmarks.report import figure, publish, table

STEPS = 5, 30
PEERS = {
    MANY: ("hmmlearn, log", "hmmlearn, scaling", "dynamax"),
    LONG: ("hmmlearn, scaling",),
    STARTS: ("hmmlearn, log", "hmmlearn, scaling"),
}

TIMES = (
    "problem",
    "peer",
    "jaxem, ms a step",
    "peer, ms a step",
    "peer / jaxem (range)",
    f"jaxem, s for {STEPS[1]} steps",
    f"peer, s for {STEPS[1]} steps",
    "peer / jaxem (range)",
    "jaxem's first fit, s",
    "apart, nats",
)
MEMORY = ("problem", "library", "import and data, MiB", "with a fit, MiB", "the fit adds, MiB")


def peer_of(name: str, data, starts) -> Callable[[int], Any]:
    """A fit by a peer of that many steps; imported here, to be no part of jaxem's memory."""
    from benchmarks import hidden_markov

    if name == "dynamax":
        run = hidden_markov.dynamax(data, starts)
        for steps in STEPS:
            run(steps)
        return run
    return lambda steps: hidden_markov.hmmlearn(data, starts, steps, name.split(", ")[1])


def ends_of(name: str, model, answer, data) -> np.ndarray:
    """Log likelihoods at the parameters that a peer returned, (R,)."""
    from benchmarks import hidden_markov

    if name == "dynamax":
        return np.array([model.log_likelihood(hidden_markov.as_declared(answer), data)])
    return hidden_markov.ends_of(answer, data)


def times(size: Size, repeats: int) -> list[list[str]]:
    """Rows of the table of times, one a peer."""
    data = draw_sequences(size)
    starts = draw_starts(size, data)
    model = declare(size)
    peers = {name: peer_of(name, data, starts) for name in PEERS[size]}
    first, _ = clock(lambda: fit(model, data, starts, STEPS[0]))
    lines = []
    for name, theirs in peers.items():
        result = duel_of_steps(
            lambda steps: fit(model, data, starts, steps), theirs, STEPS, repeats
        )
        ends = result.ours.restarts.objective - ends_of(name, model, result.theirs, data)
        cells = [*result.step.cells(unit=1e-3), *result.whole.cells()]
        lines.append([str(size), name, *cells, figure(first), f"{np.abs(ends).max():.1e}"])
    return lines


def memory(size: Size, library: str) -> list[str]:
    """One row of the table of memory."""
    before, after = (
        printed_by("benchmarks.chains", "--peak", library, "--steps", str(steps))
        for steps in (0, STEPS[0])
    )
    return [str(size), library, *(f"{mib:,.0f}" for mib in (before, after, after - before))]


def print_peak(size: Size, library: str, steps: int) -> None:
    """Peak memory of this process with a fit, or with the import and the data alone."""
    data = draw_sequences(size)
    starts = draw_starts(size, data)
    if library != "jaxem":
        run = peer_of(library, data, starts)
        if steps:
            run(steps)
    elif steps:
        fit(declare(size), data, starts, steps)
    print(peak())


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=5, help="pairs (default 5)")
    options.add_argument("--peak", help="print the peak memory of the long sequence by a library")
    options.add_argument("--steps", type=int, default=0, help="EM steps with --peak")
    chosen = options.parse_args()
    if chosen.peak:
        print_peak(LONG, chosen.peak, chosen.steps)
        return
    publish(
        "chains",
        f"--repeats {chosen.repeats}",
        ["numpy", "hmmlearn", "dynamax"],
        table(TIMES, [line for size in PEERS for line in times(size, chosen.repeats)]),
        table(MEMORY, [memory(LONG, name) for name in ("jaxem", *PEERS[LONG])]),
    )


if __name__ == "__main__":
    main()
