"""NumPyro programs against hand-declared log joints of the same models: what a program costs."""

import argparse

import numpy as np

import jaxem
from benchmarks.contest import clock, duel_of_steps
from benchmarks.report import figure, publish, table
from tests.programs.twins import CASES, twins

STEPS = 5, 55
LANES = 32

HEAD = (
    "program",
    "rows",
    f"program, ms a step of {LANES} starts",
    "by hand, ms a step",
    "by hand / program (range)",
    "program's first fit, s",
    "by hand, s",
    "apart, nats",
)


def contest(name: str, repeats: int) -> list[str]:
    """One row of the table."""
    case = twins(name)
    program = jaxem.from_numpyro(case.program)
    starts = {name: np.stack([leaf] * LANES) for name, leaf in case.start.items()}

    def fit(model, data, steps):
        return jaxem.fit(model, data, init=starts, restarts=LANES, tolerance=0, max_steps=steps)

    first, _ = clock(lambda: fit(program, case.data, STEPS[0]))
    first_by_hand, _ = clock(lambda: fit(case.twin, case.rows, STEPS[0]))
    result = duel_of_steps(
        lambda steps: fit(program, case.data, steps),
        lambda steps: fit(case.twin, case.rows, steps),
        STEPS,
        repeats,
    )
    apart = abs(result.ours.objective - result.theirs.objective)
    cells = [*result.step.cells(unit=1e-3), figure(first), figure(first_by_hand), f"{apart:.1e}"]
    return [name, f"{result.ours.rows}", *cells]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=5, help="pairs (default 5)")
    repeats = options.parse_args().repeats
    publish(
        "programs",
        f"--repeats {repeats}",
        ["numpy"],
        table(HEAD, [contest(name, repeats) for name in CASES]),
    )


if __name__ == "__main__":
    main()
