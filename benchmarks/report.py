"""The table of a contest, printed and kept in benchmarks/README.md."""

import os
import platform
import re
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.contest import Result

PAGE = Path(__file__).with_name("README.md")
HEAD = (
    "| problem | steps | jaxem, s | scikit-learn, s | scikit-learn / jaxem (range) "
    "| first fit, s | apart, nats |\n|---|---|---|---|---|---|---|"
)


def line(result: Result) -> str:
    """One row of the table: medians of whole fits, the ratio taken pair by pair."""
    low, middle, high = np.quantile(result.ratios, [0, 0.5, 1])
    return (
        f"| {result.size} | {result.size.steps} | {np.median(result.ours):.3g} "
        f"| {np.median(result.theirs):.3g} | {middle:.2f} ({low:.2f} to {high:.2f}) "
        f"| {result.first:.3g} | {result.apart:.1e} |"
    )


def machine() -> str:
    """Where and with what the numbers came about."""
    names = ("jax", "numpyro", "numpy", "scikit-learn")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    cores = os.cpu_count()
    return (
        f"{date.today()}, {platform.machine()} with {cores} cores, "
        f"Python {platform.python_version()}, {versions}, float64."
    )


def publish(section: str, command: str, results: list[Result]) -> None:
    """Print the table and put it in its section of the page."""
    rows = "\n".join([HEAD, *(line(result) for result in results)])
    table = f"`{command}`: {machine()}\n\n{rows}"
    print(table)
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    page = PAGE.read_text(encoding="utf-8")
    fresh, found = re.subn(
        f"{begin}.*?{end}", lambda _: f"{begin}\n{table}\n{end}", page, flags=re.DOTALL
    )
    if not found:
        raise SystemExit(f"{PAGE} has no section between {begin} and {end}")
    PAGE.write_text(fresh, encoding="utf-8")
