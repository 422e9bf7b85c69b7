"""The sequences of a table: which rows belong together, and their order."""

import datetime
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxem.cli.cells import Numbers, as_numbers, line_problems
from jaxem.cli.csvfile import Sheet
from jaxem.cli.problems import Problem, place
from jaxem.cli.schema import DataSection


class TableSequences(NamedTuple):
    """The sequences of a table.

    Attributes:
        names: Name of the sequence of each row, (n,); all empty if there is only one.
        times: The time of each row as text, (n,); None if the order is that of the file.
        rows: Indices of the rows of each sequence in the order of time; sequences as in the file.
    """

    names: Sequence[str]
    times: Sequence[str] | None
    rows: list[np.ndarray]


def read_steps(data: DataSection, sheet: Sheet) -> tuple[TableSequences, list[Problem]]:
    """Sequences of a sheet, and their problems; a single one if no column names them."""
    names = [""] * len(sheet.lines) if data.sequence is None else sheet.texts[data.sequence]
    if data.sequence is not None and "" in names:
        return TableSequences(names, None, []), _without_sequence(sheet, data.sequence, names)
    labels = {name: label for label, name in enumerate(dict.fromkeys(names))}
    member = np.array([labels[name] for name in names])
    if data.time is None:
        times, ranks = None, np.arange(len(names))
        wrong = _interrupted_sequences(sheet, names)
    else:
        times = sheet.texts[data.time]
        ranks, wrong = _ranks(sheet, data.time)
        wrong = wrong or _repeated(sheet, data.time, names, times, ranks)
    if wrong:
        return TableSequences(names, times, []), wrong
    ends = np.cumsum(np.bincount(member))[:-1]
    return TableSequences(names, times, np.split(np.lexsort((ranks, member)), ends)), []


def sequence_weights(
    data: DataSection, steps: TableSequences, weights: np.ndarray | None
) -> tuple[np.ndarray | None, list[Problem]]:
    """One weight a sequence, (sequences,), from those of its rows, which must agree.

    Args:
        data: The ``[data]`` table.
        steps: The sequences.
        weights: Weights of the rows, (n,), or None.
    """
    if weights is None:
        return None, []
    differing = [rows for rows in steps.rows if len(np.unique(weights[rows])) > 1]
    if not differing:
        return np.array([weights[rows[0]] for rows in steps.rows]), []
    rows = differing[0]
    name = steps.names[int(rows[0])]
    some = np.unique(weights[rows])[:2].tolist()
    said = (
        f"weights of a chain are one a sequence, the same in all its rows; "
        f"{_called(name)} has {some[0]} and {some[1]}. Steps cannot be weighed."
    )
    return None, [Problem(place(("data", "weights"), data.weights), said)]


def not_a_chain(data: DataSection) -> list[Problem]:
    """Problems of keys for sequences in a config of independent rows."""
    said = "the rows of this model are independent; leave it out, or take a hidden Markov model."
    return [
        Problem(place(("data", key), data.roles[key]), said)
        for key in ("sequence", "time")
        if key in data.roles
    ]


def _interrupted_sequences(sheet: Sheet, names: Sequence[str]) -> list[Problem]:
    """Problems of sequences whose rows are not adjacent, so that the file gives no order."""
    said, seen, before = [], set(), None
    for line, name in zip(sheet.lines.tolist(), names, strict=True):
        if name != before and name in seen:
            said.append(
                (
                    line,
                    f"{_called(name)} goes on after another began. Keep the rows of a sequence "
                    f'together, or say what orders them: time = "a column" in [data].',
                )
            )
        seen.add(name)
        before = name
    return line_problems(sheet.path, said)


def _repeated(
    sheet: Sheet, key: str, names: Sequence[str], times: Sequence[str], ranks: np.ndarray
) -> list[Problem]:
    """Problems of rows of one sequence at the same time."""
    said, first = [], {}
    for line, name, time, rank in zip(
        sheet.lines.tolist(), names, times, ranks.tolist(), strict=True
    ):
        other = first.setdefault((name, rank), line)
        if other != line:
            said.append(
                (
                    line,
                    f"{key} = {time} is the time of line {other} too, in {_called(name)}; a "
                    f"sequence has one row a time.",
                )
            )
    return line_problems(sheet.path, said)


def _ranks(sheet: Sheet, name: str) -> tuple[np.ndarray, list[Problem]]:
    """Numbers in the order of a column of numbers or of dates."""
    cells = sheet.texts[name]
    values = as_numbers(cells)
    if values is not None:
        return values, []
    try:
        dates = [datetime.datetime.fromisoformat(cell) for cell in cells]
        position = {date: rank for rank, date in enumerate(sorted(set(dates)))}
    except (ValueError, TypeError):
        said = f"column {name!r} is to be time: numbers, or dates such as 2024-05-31."
        return np.empty(0), [Problem(str(sheet.path), said), *_no_times(sheet, name)]
    return np.array([position[date] for date in dates]), []


def _no_times(sheet: Sheet, name: str) -> list[Problem]:
    """Problems of cells that are no number, unless none is."""
    found = Numbers(name)
    found.add(sheet.texts[name], sheet.lines.tolist())
    return found.problems(sheet.path)


def _without_sequence(sheet: Sheet, name: str, names: Sequence[str]) -> list[Problem]:
    """The problem of rows without a sequence."""
    first, count = sheet.lines[names.index("")], names.count("")
    many = "in 1 row" if count == 1 else f"in {count} of {len(names)} rows, here first"
    said = f"column {name!r} is empty {many}; every row needs the name of its sequence."
    return [Problem(f"{sheet.path}, line {first}", said)]


def _called(name: str) -> str:
    return f"sequence {name!r}" if name else "the sequence"
