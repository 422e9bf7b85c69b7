"""The full-covariance Gaussian mixture, one start: `python -m benchmarks.gaussian [--large]`."""

import argparse

from benchmarks.contest import contest
from benchmarks.problem import Size
from benchmarks.report import publish

SMALL = Size(rows=20_000, features=8, components=8, restarts=1, steps=20)
LARGE = Size(rows=200_000, features=16, components=16, restarts=1, steps=5)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--large", action="store_true", help=f"also {LARGE}")
    options.add_argument("--repeats", type=int, default=5, help="paired runs (default 5)")
    chosen = options.parse_args()
    sizes = [SMALL, LARGE] if chosen.large else [SMALL]
    results = [contest(size, chosen.repeats) for size in sizes]
    flag = " --large" if chosen.large else ""
    command = f"python -m benchmarks.gaussian{flag} --repeats {chosen.repeats}"
    publish("gaussian", command, results)


if __name__ == "__main__":
    main()
