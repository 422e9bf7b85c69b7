"""Where the tables are, and how one is read: a header line, then one line of numbers a row."""

import csv
from pathlib import Path

import numpy as np

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Names of the tables that ship with the package, in alphabetical order."""
    return sorted(file.stem for file in _FOLDER.glob("*.csv"))


def path(name: str) -> Path:
    """The CSV file of a table.

    Args:
        name: One of `names`.

    Raises:
        KeyError: If there is no such table.
    """
    if name not in names():
        raise KeyError(f"no dataset {name!r}; there are {', '.join(names())}")
    return _FOLDER / f"{name}.csv"


def columns(name: str) -> dict[str, np.ndarray]:
    """Columns of a table by name, each (n,): int64 where every value is whole, else float64."""
    with path(name).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    values = zip(*rows, strict=True)
    return {key: _numbers(column) for key, column in zip(header, values, strict=True)}


def _numbers(column: tuple[str, ...]) -> np.ndarray:
    try:
        return np.array([int(value) for value in column], dtype=np.int64)
    except ValueError:
        return np.array([float(value) for value in column], dtype=np.float64)
