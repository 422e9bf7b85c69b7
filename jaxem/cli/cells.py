"""Cells of a column as numbers; cells that are none are counted, and reported with their lines."""

import itertools
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from jaxem.cli.problems import Problem, listing

#: Words for a missing value.
_MISSING = {"", "na", "nan", "n/a", "#n/a", "null", "none", "nil", "-", ".", "?"}

_SHOWN = 5
_MOST_TEXTS = 13


class Numbers:
    """A column that grows: int64 while every cell is written as a whole number, then float64.

    Args:
        name: The column.
    """

    def __init__(self, name: str):
        self._name = name
        self._values: array = array("q")
        self._count = 0
        self._missing: dict[str, list[int]] = {}
        self._bad: list[tuple[int, str]] = []
        self._bad_count = 0
        self._texts: dict[str, None] = {}

    def add(self, cells: Sequence[str], lines: Iterable[int]) -> None:
        """Append the cells of these lines of the file."""
        self._count += len(cells)
        found = as_numbers(cells)
        if found is None:
            for line, cell in zip(lines, cells, strict=True):
                if as_numbers([cell]) is None:
                    self._note(line, cell.strip())
        elif not self.wrong:
            if found.dtype == float and self._values.typecode == "q":
                self._values = array("d", self._values)
            self._values.frombytes(found.astype(self._values.typecode).tobytes())

    @property
    def wrong(self) -> bool:
        """Whether a cell was no number."""
        return bool(self._missing or self._bad)

    def array(self) -> np.ndarray:
        """The numbers, (n,)."""
        return np.frombuffer(self._values, dtype=self._values.typecode)

    def problems(self, path: Path) -> list[Problem]:
        """The problems of the column."""
        missing = sum(count for _, count in self._missing.values())
        if self._bad_count and missing + self._bad_count == self._count:
            shown = listing(map(repr, self._texts))
            said = f"holds text ({shown}), not numbers; name other columns in [data]."
            return [Problem(str(path), f"column {self._name!r} {said}")]
        where = [(line, _not_finite(self._name, cell)) for line, cell in self._bad]
        empty = [
            Problem(f"{path}, line {line}", _not_seen(self._name, cell, count, self._count))
            for cell, (line, count) in self._missing.items()
        ]
        return [*empty, *line_problems(path, where, self._bad_count)]

    def _note(self, line: int, cell: str) -> None:
        cell = cell if len(cell) <= 40 else f"{cell[:37]}..."
        if cell.casefold() in _MISSING:
            self._missing.setdefault(cell, [line, 0])[1] += 1
            return
        self._bad_count += 1
        if len(self._bad) < _SHOWN:
            self._bad.append((line, cell))
        if len(self._texts) < _MOST_TEXTS:
            self._texts[cell] = None


def as_numbers(cells: Sequence[str]) -> np.ndarray | None:
    """Cells as int64, else as finite float64, (n,); None if one of them is no such number."""
    if "_" in "".join(cells):  # Python reads 1_000 as a number, other programs do not
        return None
    for convert, kind in ((int, np.int64), (float, np.float64)):
        try:
            values = np.fromiter(map(convert, cells), kind, len(cells))
        except (ValueError, OverflowError):
            continue
        if np.isfinite(values).all():
            return values
    return None


def line_problems(
    path: Path, said: Iterable[tuple[int, str]], count: int | None = None
) -> list[Problem]:
    """One problem a line of the file; many are cut.

    Args:
        path: The file.
        said: Lines and what is wrong there.
        count: Number of problems, if `said` does not hold all of them.
    """
    said = list(said)
    shown = said[:_SHOWN]
    found = [Problem(f"{path}, line {line}", text) for line, text in shown]
    more = (len(said) if count is None else count) - len(shown)
    if more:
        found.append(Problem(str(path), f"and {more} more lines like these."))
    return found


def fewer(problems: Sequence[Sequence[Problem]], path: Path) -> list[Problem]:
    """Problems of columns, those of the first few alone if there are many."""
    wrong = [found for found in problems if found]
    told = list(itertools.chain.from_iterable(wrong[:_SHOWN]))
    if len(wrong) > _SHOWN:
        told.append(Problem(str(path), f"and {len(wrong) - _SHOWN} more columns like these."))
    return told


def _not_finite(name: str, cell: str) -> str:
    return f"column {name!r} has {cell!r}, which is not a finite number."


def _not_seen(name: str, cell: str, count: int, rows: int) -> str:
    is_empty = "is empty" if cell == "" else f"has {cell!r}, which is not a finite number,"
    if count == rows:
        return f"column {name!r} {is_empty} in every row; leave it out of columns in [data]."
    many = f"in {count} of {rows} rows, here first; remove the rows, or fill them in"
    one = f"in 1 of {rows} rows; remove the row, or fill it in"
    return (
        f"column {name!r} {is_empty} {one if count == 1 else many}. (A step of a sequence keeps "
        f"its row: fill in any number, and say in another column that it was not seen.)"
    )
