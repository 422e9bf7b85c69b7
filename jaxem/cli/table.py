"""The rows that a config asks for: find the source, choose the columns, make the arrays."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxem import datasets
from jaxem.cli.csvfile import Sheet, numbers, read_sheet, unknown_column
from jaxem.cli.problems import Location, Problem, did_you_mean, listing, place
from jaxem.cli.schema import DataSection
from jaxem.cli.steps import Steps, read_steps


class Table(NamedTuple):
    """Columns of numbers.

    Attributes:
        columns: What the model sees, each (n,), in the order of the config.
        weights: Weights of the rows (n,), or None.
        steps: How the rows make sequences.
        lines: Line number of each row in the file, (n,).
    """

    columns: dict[str, np.ndarray]
    weights: np.ndarray | None
    steps: Steps
    lines: list[int]

    def rows(self, layout: str, wide: bool) -> Any:
        """The data: (n, columns), (n,) for a single column, or a dictionary of (n,).

        Args:
            layout: "matrix", "vector", "dict" or "auto".
            wide: Whether "auto" keeps the columns' axis even for a single one.
        """
        if layout == "dict":
            return self.columns
        if layout == "vector" or (layout == "auto" and len(self.columns) == 1 and not wide):
            return next(iter(self.columns.values()))
        return np.column_stack(list(self.columns.values()))


def read_table(data: DataSection, beside: Path) -> tuple[Table | None, list[Problem]]:
    """Read what ``[data]`` asks for.

    Args:
        data: The table of the config.
        beside: Folder of the config, which relative paths start from.

    Returns:
        The table, None if anything is wrong; and what is wrong.
    """
    path, wrong = _find(data.source, beside)
    if path is None:
        return None, wrong
    sheet, wrong = read_sheet(path)
    if sheet is None:
        return None, wrong
    wrong = _choice_problems(data, sheet)
    if wrong:
        return None, wrong
    columns = {}
    for name in _columns(data, sheet):
        columns[name], more = numbers(sheet, name)
        wrong += more
    weights = None
    if data.weights is not None:
        weights, more = numbers(sheet, data.weights)
        wrong += more
    steps, more = read_steps(data, sheet)
    wrong += more
    return (None if wrong else Table(columns, weights, steps, sheet.lines)), wrong


def _columns(data: DataSection, sheet: Sheet) -> list[str]:
    if data.columns is not None:
        return data.columns
    return [name for name in sheet.header if name not in data.roles.values()]


def _find(source: str, beside: Path) -> tuple[Path | None, list[Problem]]:
    if source in datasets.names():
        return datasets.path(source), []
    path = beside / Path(source).expanduser()
    if path.is_file():
        return path, []
    where = place(("data", "source"), source)
    if path.suffix or len(Path(source).parts) > 1:
        siblings = path.parent.glob("*") if path.parent.is_dir() else ()
        hint = did_you_mean(path.name, [file.name for file in siblings])
        return None, [Problem(where, f"there is no file {path.resolve()}.{hint}")]
    said = f"there is no dataset of this name.{did_you_mean(source, datasets.names())} "
    said += f"There are {listing(datasets.names())}; or give the path of a CSV file."
    return None, [Problem(where, said)]


def _choice_problems(data: DataSection, sheet: Sheet) -> list[Problem]:
    names = data.columns or []
    asked: list[tuple[Location, str]] = [
        (("data", "columns", i), name) for i, name in enumerate(names)
    ]
    asked += [(("data", key), name) for key, name in data.roles.items()]
    wrong = [
        Problem(place(location, name), unknown_column(sheet, name))
        for location, name in asked
        if name not in sheet.header
    ]
    if len(set(names)) < len(names):
        wrong.append(Problem(place(("data", "columns"), names), "a column is named twice."))
    count = len(_columns(data, sheet))
    if data.layout == "vector" and count != 1:
        said = f"a vector is one column; the data have {count}."
        wrong.append(Problem(place(("data", "as"), data.layout), said))
    if count == 0:
        others = " and ".join(data.roles)
        wrong.append(Problem("[data]", f"there is no column left beside {others}."))
    return wrong
