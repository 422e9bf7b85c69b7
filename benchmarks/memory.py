"""Peak memory of one fit in a process of its own.

`python -m benchmarks.memory ROWS FEATURES COMPONENTS jaxem --steps 5` prints mebibytes; with 0
steps the process only imports the library and makes the data.
"""

import argparse
import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.problem import Size, declare, draw_rows, draw_starts, fit

ROOT = Path(__file__).parents[1]
STATUS = Path("/proc/self/status")


def peak() -> float:
    """Largest resident memory of this process so far, MiB.

    `ru_maxrss` begins at the size of the process that started this one, which is no small one;
    Linux keeps a mark of this program alone as VmHWM, so that is read where there is one.
    """
    if not STATUS.exists():
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    marks = dict(line.split(":", 1) for line in STATUS.read_text(encoding="utf-8").splitlines())
    return int(marks["VmHWM"].removesuffix("kB")) / 2**10


def measure(size: Size, library: str, steps: int) -> float:
    """Peak of a fresh process that fits this many steps, MiB."""
    shape = [str(n) for n in (size.rows, size.features, size.components)]
    return printed_by("benchmarks.memory", *shape, library, "--steps", str(steps))


def printed_by(module: str, *options: str) -> float:
    """The number that a module prints, run in a fresh process."""
    command = [sys.executable, "-m", module, *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return float(done.stdout)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    for name in ("rows", "features", "components"):
        options.add_argument(name, type=int)
    options.add_argument("package", choices=["jaxem", "scikit-learn"])
    options.add_argument("--steps", type=int, default=0, help="EM steps (default 0: no fit)")
    chosen = options.parse_args()
    size = Size(chosen.rows, chosen.features, chosen.components)
    rows = draw_rows(size)
    starts = draw_starts(size, rows)
    if chosen.package == "scikit-learn":
        from benchmarks import scikit  # not at the top: its import is no part of jaxem's memory

        if chosen.steps:
            scikit.fit(rows, starts, chosen.steps)
    elif chosen.steps:
        fit(declare(size), rows, starts, chosen.steps)
    print(peak())


if __name__ == "__main__":
    main()
