"""Very many rows: plain, incremental and online EM to near the optimum, from one start.

Run with ``python -m benchmarks.online`` in a checkout; rewrites its tables in README.md. A way is
run to convergence for its trace first; then only as many steps as it takes are timed.
"""

import argparse
import time
from typing import Any

import jax
import numpy as np

import jaxem
from benchmarks.problem import Size, declare, draw_rows, draw_starts
from benchmarks.report import figure, publish, table

NEAR = (0.01, 0.0001)


def ways(batch_size: int) -> dict[str, Any]:
    """What is compared."""
    return {
        "EM": jaxem.EM(),
        "Incremental": jaxem.Incremental(batch_size=batch_size),
        "Online": jaxem.Online(batch_size=batch_size),
    }


def main() -> None:
    """Fit all ways, one after another, several times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="fewer rows, for a quick try")
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    size = Size(rows=50_000 if args.small else 1_000_000, features=4, components=8)
    rows, model = draw_rows(size), declare(size)
    start = {name: value[0] for name, value in draw_starts(size, rows).items()}
    batch_size = size.rows // 100

    def fit(algorithm: Any, steps: int) -> jaxem.Fit:
        return jaxem.fit(model, rows, init=start, algorithm=algorithm, max_steps=steps)

    def seconds(algorithm: Any, steps: int) -> float:
        began = time.perf_counter()
        fit(algorithm, steps)
        return time.perf_counter() - began

    algorithms = ways(batch_size)
    traces = {name: fit(algorithm, 200).trace for name, algorithm in algorithms.items()}
    best = max(trace.max() for trace in traces.values())
    lines = []
    for near in NEAR:
        steps = {name: _steps_to(trace, best - near * size.rows) for name, trace in traces.items()}
        times: dict[str, list[float]] = {name: [] for name in algorithms}
        for _ in range(args.repeats):
            for name, algorithm in algorithms.items():
                if steps[name] is not None:
                    times[name].append(seconds(algorithm, steps[name]) - seconds(algorithm, 0))
        lines += [_line(near, name, steps[name], times, traces[name], size) for name in algorithms]
    head = (
        "nats a row left",
        "algorithm",
        "steps",
        "times a row is seen",
        "s",
        "EM / this (range)",
    )
    short = [f"{name}: {(best - t.max()) / size.rows:.1e}" for name, t in traces.items()]
    publish(
        "online",
        f"--repeats {args.repeats}{' --small' if args.small else ''}",
        ("numpy",),
        f"{size}, minibatches of {batch_size:,} rows, random rows as centres:",
        table(head, lines),
        f"Nats a row left after at most 200 steps: {', '.join(short)}.",
    )


def _steps_to(trace: np.ndarray, wanted: float) -> Any:
    """Steps until an objective is reached, or None."""
    return int(np.argmax(trace >= wanted)) if trace.max() >= wanted else None


def _line(near: float, name: str, steps: Any, times: dict[str, list[float]], trace, size: Size):
    """A row of the table; a step of EM sees every row once, one of the others twice."""
    if steps is None:
        return (f"{near:g}", name, "not reached", "", "", "")
    seen = steps if name == "EM" else 2 * steps
    ratios = [a / b for a, b in zip(times["EM"], times[name], strict=False)]
    ratio = ""
    if ratios:
        ratio = f"{figure(np.median(ratios))} ({figure(min(ratios))} to {figure(max(ratios))})"
    return (f"{near:g}", name, str(steps), str(seen), figure(np.median(times[name])), ratio)


if __name__ == "__main__":
    main()
