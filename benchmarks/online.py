"""Very many rows: how often EM, incremental and online EM look at each, from one start.

Counts, not seconds: they depend on no machine. Run with ``python -m benchmarks.online`` in a
checkout; rewrites its table in README.md. Every way makes sixty steps, and the best end is then
polished, to know the optimum.
"""

import argparse
from typing import Any

import jax
import numpy as np

import jaxem
from benchmarks.problem import Size, declare, draw_rows, draw_starts
from benchmarks.report import publish, table

NEAR, LONGEST, PARTS = 0.01, 60, 100


def main() -> None:
    """Fit all ways, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="fewer rows, for a quick try")
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    size = Size(rows=50_000 if args.small else 1_000_000, features=4, components=8)
    rows, model = draw_rows(size), declare(size)
    start = {name: value[0] for name, value in draw_starts(size, rows).items()}
    batch_size = size.rows // PARTS

    def fit(algorithm: Any, init: Any) -> jaxem.Fit:
        return jaxem.fit(model, rows, init=init, algorithm=algorithm, max_steps=LONGEST)

    ways = {
        "EM": jaxem.EM(),
        "Incremental": jaxem.Incremental(batch_size=batch_size),
        "Online": jaxem.Online(batch_size=batch_size),
    }
    fits = {name: fit(algorithm, start) for name, algorithm in ways.items()}
    ahead = max(fits.values(), key=lambda one: one.objective)
    best = fit(jaxem.Anderson(), ahead.params).objective
    head = (
        "algorithm",
        f"steps to {NEAR:g} nats a row",
        "looks at a row",
        f"nats a row left after {LONGEST} steps",
    )
    lines = [_line(name, (best - one.trace) / size.rows) for name, one in fits.items()]
    words = f"{size}, minibatches of {batch_size:,} rows, random rows as centres:"
    publish("online", "--small" if args.small else "", ("numpy",), words, table(head, lines))


def _line(name: str, left: np.ndarray) -> tuple[str, ...]:
    """A row of the table; a step of EM looks at every row once, one of the others twice."""
    reached = left <= NEAR
    steps = int(reached.argmax())
    looks = steps if name == "EM" else 2 * steps
    words = (str(steps), str(looks)) if reached.any() else ("not reached", "")
    return (name, *words, f"{left.min():.1e}")


if __name__ == "__main__":
    main()
