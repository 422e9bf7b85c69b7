"""Columns of numbers and of text from a CSV file, read row by row; only these are in memory."""

import csv
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxem.cli import quickcsv
from jaxem.cli.cells import Numbers, as_numbers, fewer, line_problems
from jaxem.cli.problems import Problem, did_you_mean, listing

_CELLS = 2**18
_SHOWN = 5


class Header(NamedTuple):
    """The first line of a file.

    Attributes:
        path: The file.
        names: Names of the columns.
        line: The line that it ends in.
    """

    path: Path
    names: list[str]
    line: int


class Sheet(NamedTuple):
    """Columns of a file.

    Attributes:
        path: The file.
        lines: Line number of every row in the file, (n,).
        numbers: Columns that were asked for as numbers, each (n,), int64 or float64.
        texts: Columns that were asked for as text, each n cells.
    """

    path: Path
    lines: np.ndarray
    numbers: dict[str, np.ndarray]
    texts: dict[str, list[str]]


def read_header(path: Path) -> tuple[Header | None, list[Problem]]:
    """Names of the columns, or what is wrong with them."""
    wrong: list[Problem] = []
    with _in_words(path, wrong), _reader(path) as reader:
        for row in reader:
            if any(map(str.strip, row)):
                header = Header(path, [name.strip() for name in row], reader.line_num)
                wrong = _header_problems(header)
                return (None if wrong else header), wrong
    return None, wrong or [Problem(str(path), "is empty; expected a header line, then rows.")]


def read_columns(
    header: Header, numbers: Sequence[str], texts: Sequence[str]
) -> tuple[Sheet | None, list[Problem]]:
    """Columns of a file; blank lines are skipped.

    Args:
        header: Its header.
        numbers: The columns wanted as numbers.
        texts: The columns wanted as text.
    """
    quick = quickcsv.read(header.path, header.names, header.line, numbers, texts)
    if quick is not None:
        return Sheet(header.path, *quick), []
    gathered = {name: Numbers(name) for name in numbers}
    words: dict[str, list[str]] = {name: [] for name in texts}
    lines, ragged, kept = array("q"), [], {}
    wrong: list[Problem] = []
    place = {name: index for index, name in enumerate(header.names)}
    with _in_words(header.path, wrong), _reader(header.path) as reader:
        for where, rows in _chunks(reader, header, ragged):
            lines.extend(where)
            for name, column in gathered.items():
                index = place[name]
                column.add([row[index] for row in rows], where)
            for name, column in words.items():
                index = place[name]
                cells = (row[index].strip() for row in rows)
                column += [kept.setdefault(cell, cell) for cell in cells]
    wrong = wrong or _shape_problems(header, lines, ragged)
    wrong = wrong or fewer([c.problems(header.path) for c in gathered.values()], header.path)
    if wrong:
        return None, wrong
    found = {name: column.array() for name, column in gathered.items()}
    return Sheet(header.path, np.frombuffer(lines, np.int64), found, words), []


@contextmanager
def _reader(path: Path) -> Iterator[Any]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield csv.reader(file, strict=True, skipinitialspace=True)


@contextmanager
def _in_words(path: Path, wrong: list[Problem]) -> Iterator[None]:
    """A context that appends errors of reading a file to `wrong`, as problems."""
    try:
        yield
    except UnicodeDecodeError:
        wrong.append(Problem(str(path), "is not text in UTF-8; save it as CSV in UTF-8."))
    except csv.Error as error:
        said = f"cannot be read as CSV: {error}. Is a quote left open?"
        wrong.append(Problem(str(path), said))
    except OSError as error:
        said = f"cannot be read as CSV: {error.strerror or error}."
        wrong.append(Problem(str(path), said))


def _chunks(
    reader: Any, header: Header, ragged: list[tuple[int, int]]
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Rows in chunks of bounded size, with their lines; those of a wrong length are set apart."""
    width = len(header.names)
    most = max(1, _CELLS // width)
    lines, rows = [], []
    for row in reader:
        if reader.line_num <= header.line or not any(map(str.strip, row)):
            continue
        if len(row) != width:
            ragged.append((reader.line_num, len(row)))
            continue
        lines.append(reader.line_num)
        rows.append(row)
        if len(rows) == most:
            yield lines, rows
            lines, rows = [], []
    if rows:
        yield lines, rows


def _header_problems(header: Header) -> list[Problem]:
    where, names = f"{header.path}, line {header.line}", header.names
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        return [Problem(where, f"{names[0]!r}: separate the columns with commas.")]
    if all(as_numbers([name]) is not None for name in names):
        said = f"expected the names of the columns, got numbers ({listing(names)})."
        return [Problem(where, said)]
    repeated = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if repeated or "" in names:
        said = f"repeated: {listing(repeated)}" if repeated else "one is empty"
        return [Problem(where, f"every column needs a name of its own; {said}.")]
    return []


def _shape_problems(
    header: Header, lines: Sequence[int], ragged: list[tuple[int, int]]
) -> list[Problem]:
    width = len(header.names)
    if ragged:
        said = [
            (line, f"has {cells} cells; the header names {width} columns.")
            for line, cells in ragged[:_SHOWN]
        ]
        return line_problems(header.path, said, len(ragged))
    if not lines:
        return [Problem(str(header.path), "has a header line and no rows.")]
    return []


def unknown_column(header: Header, name: str) -> str:
    """The sentence for a column that the file does not have."""
    return f"there is no column {name!r}.{did_you_mean(name, header.names)} " + (
        f"{header.path.name} has {listing(header.names)}."
    )
