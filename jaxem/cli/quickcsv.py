"""Reading of simple CSV files by pyarrow, if it is installed: faster, with the same numbers.

Files with anything that two readers might interpret differently, and wrong files, are left to the
reader of `jaxem.cli.csvfile`, which reports problems.
"""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

#: Bytes from which it is worth the import of pyarrow.
WORTH = 2**20

#: A cell in quotes, with neither quotes nor ends of lines in it.
_QUOTED = re.compile(rb'(?<![^,\n])"[^"\r\n]*"(?![^,\r\n])')

#: Characters that pyarrow interprets differently: +6 is no whole number to it, and 0x10 is one.
_DOUBTFUL = r"^\+|[^-+.eE0-9]"


class ReadColumns(NamedTuple):
    """Columns of a file, as `jaxem.cli.csvfile.Sheet` has them.

    Attributes:
        lines: Line number of every row, (n,).
        numbers: Columns of numbers, each (n,).
        texts: Columns of text, each n cells.
    """

    lines: np.ndarray
    numbers: dict[str, np.ndarray]
    texts: dict[str, list[str]]


def read(
    path: Path, header: Sequence[str], line: int, numbers: Sequence[str], texts: Sequence[str]
) -> ReadColumns | None:
    """Read columns, or leave it to another reader.

    Args:
        path: The file.
        header: Names of its columns.
        line: The line that the header ends in.
        numbers: The columns wanted as numbers.
        texts: The columns wanted as text.

    Returns:
        The columns; None if pyarrow is missing, or the file is not plain enough, or wrong.
    """
    try:
        if path.stat().st_size < WORTH:
            return None
        arrow: Any = importlib.import_module("pyarrow")
        compute: Any = importlib.import_module("pyarrow.compute")
        reader: Any = importlib.import_module("pyarrow.csv")
        body = _body(path, line)
    except (ImportError, OSError):
        return None
    if body is None:
        return None
    rows = body.count(b"\n") + 1
    try:
        table = _table(arrow, reader, body, list(header), {*numbers, *texts})
        del body
        if len(table) != rows:
            return None  # a blank line, or an end of line in a cell: lines cannot be counted
        found = {name: _numbers(arrow, compute, table[name]) for name in numbers}
        words = {name: _words(table[name]) for name in texts}
    except arrow.ArrowException:
        return None
    if not all(values is not None for values in found.values()):
        return None
    lines = line + 1 + np.arange(rows)
    return ReadColumns(lines, {k: v for k, v in found.items() if v is not None}, words)


def _body(path: Path, line: int) -> bytes | None:
    """The bytes after the header, without blanks at the end; None if they are not simple."""
    with path.open("rb") as file:
        for _ in range(line):
            file.readline()
        body = file.read().rstrip()
    if not body or body.count(b"\r") != body.count(b"\r\n"):
        return None
    if b'"' in body and 2 * len(_QUOTED.findall(body)) != body.count(b'"'):
        return None
    return body


def _table(arrow: Any, reader: Any, body: bytes, header: list[str], wanted: set[str]) -> Any:
    """The wanted columns as text."""
    names = [name for name in header if name in wanted]
    return reader.read_csv(
        arrow.BufferReader(body),
        read_options=reader.ReadOptions(column_names=header),
        convert_options=reader.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, arrow.string()),
            strings_can_be_null=False,
        ),
    )


def _numbers(arrow: Any, compute: Any, cells: Any) -> np.ndarray | None:
    cells = compute.ascii_trim_whitespace(cells)
    if compute.any(compute.match_substring_regex(cells, _DOUBTFUL)).as_py():
        return None
    try:
        return cells.cast(arrow.int64()).to_numpy()
    except arrow.ArrowInvalid:
        values = cells.cast(arrow.float64()).to_numpy()
        return values if np.isfinite(values).all() else None


def _words(cells: Any) -> list[str]:
    """Cells of text, with equal cells as one object."""
    kept: dict[str, str] = {}
    return [kept.setdefault(cell, cell) for cell in map(str.strip, cells.to_pylist())]
