"""The table of a config: its file, its columns, and their arrays."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxem import datasets
from jaxem.cli.csvfile import Header, read_columns, read_header, unknown_column
from jaxem.cli.limits import too_many_columns
from jaxem.cli.problems import Location, Problem, did_you_mean, listing, place
from jaxem.cli.schema import DataSection
from jaxem.cli.steps import TableSequences, read_steps


class Table(NamedTuple):
    """Columns of numbers.

    Attributes:
        columns: The columns that the model sees, each (n,), in the order of the config.
        weights: Weights of the rows (n,), or None.
        steps: The sequences of the rows.
        lines: Line number of each row in the file, (n,).
    """

    columns: dict[str, np.ndarray]
    weights: np.ndarray | None
    steps: TableSequences
    lines: np.ndarray

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


def read_table(data: DataSection, config_folder: Path) -> tuple[Table | None, list[Problem]]:
    """Read the table that ``[data]`` describes.

    Args:
        data: The table of the config.
        config_folder: Folder of the config, which relative paths start from.

    Returns:
        The table, None if anything is wrong; and the problems.
    """
    path, wrong = find(data.source, config_folder)
    if path is None:
        return None, wrong
    header, wrong = read_header(path)
    if header is None:
        return None, wrong
    wrong = _choice_problems(data, header)
    if wrong:
        return None, wrong
    names = _columns(data, header)
    weighing = [] if data.weights is None else [data.weights]
    telling = [name for name in (data.sequence, data.time) if name is not None]
    sheet, wrong = read_columns(header, [*names, *weighing], telling)
    if sheet is None:
        return None, wrong
    steps, wrong = read_steps(data, sheet)
    columns = {name: sheet.numbers[name] for name in names}
    weights = None if data.weights is None else sheet.numbers[data.weights]
    return (None if wrong else Table(columns, weights, steps, sheet.lines)), wrong


def _columns(data: DataSection, header: Header) -> list[str]:
    if data.columns is not None:
        return data.columns
    return [name for name in header.names if name not in data.roles.values()]


def find(source: str, config_folder: Path) -> tuple[Path | None, list[Problem]]:
    """The file that a config names.

    Args:
        source: Name of a dataset, or a path.
        config_folder: Folder of the config, which relative paths start from.

    Returns:
        The file, None if there is none; and the problems.
    """
    if source in datasets.names():
        return datasets.path(source), []
    where = place(("data", "source"), source)
    try:
        path = config_folder / Path(source).expanduser()
        if path.is_file():
            return path, []
        return None, [Problem(where, _not_a_file(source, path))]
    except (OSError, ValueError, RuntimeError) as error:
        said = str(getattr(error, "strerror", None) or error).rstrip(".")
        return None, [Problem(where, f"is no path of a file: {said}.")]


def _not_a_file(source: str, path: Path) -> str:
    if path.is_dir():
        return f"{path.resolve()} is a folder; give a CSV file in it."
    if path.exists():
        return f"{path} is no ordinary file; save the table as a CSV file."
    if path.suffix or len(Path(source).parts) > 1:
        siblings = path.parent.glob("*") if path.parent.is_dir() else ()
        hint = did_you_mean(path.name, [file.name for file in siblings])
        return f"there is no file {path.resolve()}.{hint}"
    said = f"there is no dataset of this name.{did_you_mean(source, datasets.names())} "
    return f"{said}There are {listing(datasets.names())}; or give the path of a CSV file."


def _choice_problems(data: DataSection, header: Header) -> list[Problem]:
    names, known = data.columns or [], set(header.names)
    asked: list[tuple[Location, str]] = [
        (("data", "columns", i), name) for i, name in enumerate(names)
    ]
    asked += [(("data", key), name) for key, name in data.roles.items()]
    wrong = [
        Problem(place(location, name), unknown_column(header, name))
        for location, name in asked
        if name not in known
    ]
    if len(set(names)) < len(names):
        wrong.append(Problem(place(("data", "columns"), names), "a column is named twice."))
    count = len(_columns(data, header))
    if data.layout == "vector" and count != 1:
        said = f"a vector is one column; the data have {count}."
        wrong.append(Problem(place(("data", "as"), data.layout), said))
    wrong += too_many_columns(count)
    if count == 0:
        others = " and ".join(data.roles)
        wrong.append(Problem("[data]", f"there is no column left beside {others}."))
    return wrong
