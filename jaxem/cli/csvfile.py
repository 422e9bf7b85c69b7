"""A CSV file as columns of numbers; what cannot be one is reported with its line."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxem.cli.problems import Problem, did_you_mean, listing

_SHOWN = 5


class Sheet(NamedTuple):
    """Cells of a file, not yet numbers.

    Attributes:
        path: The file.
        header: Names of the columns.
        lines: Line number of every row in the file.
        rows: The cells of every row.
    """

    path: Path
    header: list[str]
    lines: list[int]
    rows: list[list[str]]


def read_sheet(path: Path) -> tuple[Sheet | None, list[Problem]]:
    """Split a file into cells; blank lines are skipped."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True, skipinitialspace=True)
            numbered = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except UnicodeDecodeError:
        return None, [Problem(str(path), "is not text in UTF-8; save it as CSV in UTF-8.")]
    except (OSError, csv.Error) as error:
        return None, [Problem(str(path), f"cannot be read as CSV: {error}.")]
    if not numbered:
        return None, [Problem(str(path), "is empty; expected a header line, then rows.")]
    (_, first), *rest = numbered
    lines, rows = [line for line, _ in rest], [row for _, row in rest]
    sheet = Sheet(path, [name.strip() for name in first], lines, rows)
    wrong = _header_problems(sheet) or _shape_problems(sheet)
    return (None if wrong else sheet), wrong


def cells(sheet: Sheet, name: str) -> list[str]:
    """One column as it is written."""
    index = sheet.header.index(name)
    return [row[index].strip() for row in sheet.rows]


def numbers(sheet: Sheet, name: str) -> tuple[np.ndarray, list[Problem]]:
    """One column, (n,): int64 where every cell is written as a whole number, else float64."""
    written = cells(sheet, name)
    for kind in (np.int64, np.float64):
        try:
            values = np.array(written).astype(kind)
        except (ValueError, OverflowError):
            continue
        if np.isfinite(values).all():
            return values, []
    return np.empty(0), _cell_problems(sheet, name, written)


def _header_problems(sheet: Sheet) -> list[Problem]:
    where, header = f"{sheet.path}, line 1", sheet.header
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        return [Problem(where, f"{header[0]!r}: separate the columns with commas.")]
    if all(_number(name) is not None for name in header):
        said = f"expected the names of the columns, got numbers ({listing(header)})."
        return [Problem(where, said)]
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated or "" in header:
        said = f"repeated: {listing(repeated)}" if repeated != [""] and repeated else "one is empty"
        return [Problem(where, f"every column needs a name of its own; {said}.")]
    return []


def _shape_problems(sheet: Sheet) -> list[Problem]:
    if not sheet.rows:
        return [Problem(str(sheet.path), "has a header line and no rows.")]
    width = len(sheet.header)
    said = [
        (line, f"has {len(row)} cells; the header names {width} columns.")
        for line, row in zip(sheet.lines, sheet.rows, strict=True)
        if len(row) != width
    ]
    return line_problems(sheet, said)


def _cell_problems(sheet: Sheet, name: str, written: Sequence[str]) -> list[Problem]:
    bad = [
        (line, cell)
        for line, cell in zip(sheet.lines, written, strict=True)
        if (value := _number(cell)) is None or not math.isfinite(value)
    ]
    if len(bad) == len(written):
        shown = listing(dict.fromkeys(map(repr, written)))
        said = f"column {name!r} holds text ({shown}), not numbers; name other columns in [data]."
        return [Problem(str(sheet.path), said)]
    return line_problems(sheet, [(line, _cell_sentence(name, cell)) for line, cell in bad])


def _cell_sentence(name: str, cell: str) -> str:
    if cell:
        return f"column {name!r} has {cell!r}, which is not a finite number."
    return (
        f"column {name!r} is empty; remove the row, or fill it in. (A step of a sequence keeps its "
        f"row: fill in any number, and say in another column that it was not seen.)"
    )


def line_problems(sheet: Sheet, said: Sequence[tuple[int, str]]) -> list[Problem]:
    """One problem a line of the file; many are cut."""
    found = [Problem(f"{sheet.path}, line {line}", text) for line, text in said[:_SHOWN]]
    if len(said) > _SHOWN:
        found.append(Problem(str(sheet.path), f"and {len(said) - _SHOWN} more lines like these."))
    return found


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def unknown_column(sheet: Sheet, name: str) -> str:
    """The sentence for a column that the file does not have."""
    return f"there is no column {name!r}.{did_you_mean(name, sheet.header)} " + (
        f"{sheet.path.name} has {listing(sheet.header)}."
    )
