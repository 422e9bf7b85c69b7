"""Sixty-four starts of a full-covariance Gaussian mixture: `python -m benchmarks.restarts`."""

import argparse

from benchmarks.contest import contest
from benchmarks.problem import Size
from benchmarks.report import publish

SIZE = Size(rows=5_000, features=8, components=8, restarts=64, steps=10)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=3, help="paired runs (default 3)")
    chosen = options.parse_args()
    command = f"python -m benchmarks.restarts --repeats {chosen.repeats}"
    publish("restarts", command, [contest(SIZE, chosen.repeats)])


if __name__ == "__main__":
    main()
