"""A GPU against the processor of the same machine: the same fits, the same steps, by jaxem alone.

Each device runs in a process of its own, `python -m benchmarks.gpu --on cuda` or `--on cpu`, which
prints one line of JSON a problem. Without a GPU, `--small` shows that the script runs.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.report import figure, publish, table

STEPS = 5, 20
REPEATS = 3
HEAD = (
    "problem",
    "GPU, ms a step",
    "processor, ms a step",
    "processor / GPU",
    "GPU's first fit, s",
    "processor's first fit, s",
    "apart, nats",
)


def problems(small: bool) -> Iterator[tuple[str, Callable[[int], Any]]]:
    """Names, and fits of so many steps."""
    from benchmarks import chains_problem as chains
    from benchmarks import problem as gaussian
    from benchmarks import zero_inflated_problem as inflated

    sizes = [gaussian.SMALL] if small else [gaussian.LARGE, gaussian.Size(5_000, 8, 8, 64)]
    for size in sizes:
        rows = gaussian.draw_rows(size)
        starts, model = gaussian.draw_starts(size, rows), gaussian.declare(size)
        yield f"Gaussians, {size}", lambda n, a=(model, rows, starts): gaussian.fit(*a, n)
    size = chains.Size(20, 50) if small else chains.MANY
    data = chains.draw_sequences(size)
    given = chains.declare(size), data, chains.draw_starts(size, data)
    yield f"chain, {size}", lambda n: chains.fit(*given, n)
    size = inflated.Size(2_000 if small else 50_000, 3, True)
    rows = inflated.draw_rows(size)
    start, model = inflated.draw_start(size, rows), inflated.declare(size)
    yield f"zero-inflated, {size}", lambda n: _fit(model, rows, start, n)


def _fit(model: Any, rows: Any, start: Any, steps: int) -> Any:
    import jaxem

    return jaxem.fit(model, rows, init=start, tolerance=0, max_steps=steps)


def run(small: bool, precision: str) -> None:
    """Time every problem on the device of this process, a line of JSON each."""
    import jax

    from benchmarks.contest import clock

    jax.config.update("jax_enable_x64", precision == "float64")
    for name, fit in problems(small):
        first, _ = clock(lambda fit=fit: fit(STEPS[0]))
        fit(STEPS[1])
        seconds = []
        for _ in range(REPEATS):
            short, _ = clock(lambda fit=fit: fit(STEPS[0]))
            long, answer = clock(lambda fit=fit: fit(STEPS[1]))
            seconds.append((long - short) / (STEPS[1] - STEPS[0]))
        line = {"problem": name, "first": first, "step": float(np.median(seconds))}
        line |= {"objective": answer.objective, "device": jax.devices()[0].device_kind}
        print(json.dumps(line), flush=True)


def measure(device: str, small: bool, precision: str) -> list[dict[str, Any]]:
    """What a process on one device prints."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--on", device, "--precision", precision]
    done = subprocess.run(
        command + (["--small"] if small else []),
        env={**os.environ, "JAX_PLATFORMS": device},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true", help="small problems")
    options.add_argument("--on", help="one device, and lines instead of a table: cuda or cpu")
    options.add_argument("--precision", choices=("float64", "float32"), default="float64")
    chosen = options.parse_args()
    if chosen.on:
        run(chosen.small, chosen.precision)
        return
    rows, kind = [], "no GPU"
    ours = {r["problem"]: r for r in measure("cuda", chosen.small, chosen.precision)}
    for theirs in measure("cpu", chosen.small, chosen.precision):
        mine = ours.get(theirs["problem"])
        rows.append(_row(mine, theirs))
        kind = mine["device"] if mine else kind
    text = table(HEAD, rows)
    if kind == "no GPU":
        print(text)
        return
    words = f"Both on the machine of one {kind}, in {chosen.precision}:"
    publish("gpu", f"--precision {chosen.precision}", (), words, text)


def _row(mine: dict[str, Any] | None, theirs: dict[str, Any]) -> list[str]:
    steps = [1e3 * r["step"] if r else np.nan for r in (mine, theirs)]
    firsts = [r["first"] if r else np.nan for r in (mine, theirs)]
    apart = abs(mine["objective"] - theirs["objective"]) if mine else np.nan
    cells = [*steps, steps[1] / steps[0], *firsts]
    return [theirs["problem"], *map(figure, cells), f"{apart:.1e}"]


if __name__ == "__main__":
    main()
