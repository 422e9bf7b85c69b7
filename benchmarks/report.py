"""The tables of a benchmark, printed and kept in benchmarks/README.md."""

import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).with_name("README.md")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; every row is as long as the head."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def figure(value: float) -> str:
    """Three significant digits, large numbers in full."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def machine(packages: Sequence[str]) -> str:
    """Where and with what the numbers came about."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("jax", "numpyro", *packages))
    return (
        f"{date.today()}, {platform.machine()} with {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {versions}, float64."
    )


def publish(section: str, options: str, packages: Sequence[str], *pieces: str) -> None:
    """Print tables and sentences, and put them in their section of the page.

    Args:
        section: Name of the benchmark, and of its section.
        options: What followed the name on the command line.
        packages: Whose versions to name, next to JAX and NumPyro.
        pieces: Paragraphs of Markdown.
    """
    command = f"python -m benchmarks.{section} {options}".rstrip()
    text = "\n\n".join([f"`{command}`: {machine(packages)}", *pieces])
    print(text)
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    page = PAGE.read_text(encoding="utf-8")
    fresh, found = re.subn(
        f"{begin}.*?{end}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL
    )
    if not found:
        raise SystemExit(f"{PAGE} has no section between {begin} and {end}")
    PAGE.write_text(fresh, encoding="utf-8")
