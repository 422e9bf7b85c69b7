"""A config file, its settings and its table, all checked; nothing here imports JAX."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxem.cli.checking import check
from jaxem.cli.document import Document, lay_over, read_document
from jaxem.cli.options import LatentClasses, Options
from jaxem.cli.problems import ConfigError, Problem, place
from jaxem.cli.schema import Config
from jaxem.cli.table import Table, read_table


class Job(NamedTuple):
    """All that a command needs.

    Attributes:
        path: The config file.
        document: What it says, with the settings laid over it.
        config: The same, checked.
        options: Options of the ready model; None for a person's own.
        table: The columns.
    """

    path: Path
    document: Document
    config: Config
    options: Options | None
    table: Table


def load(path: Path, settings: Sequence[str] = ()) -> Job:
    """Read and check a config.

    Args:
        path: A TOML file.
        settings: Values to lay over it, each ``table.key=value``.

    Raises:
        ConfigError: If anything is wrong; it lists everything.
    """
    document = read_document(path)
    wrong = lay_over(document, settings)
    checked = check(document)
    wrong += checked.problems
    table = None
    if checked.data is not None:
        table, more = read_table(checked.data, path.parent)
        wrong += more
    if table is not None and checked.options is not None:
        wrong += _mismatches(checked.options, len(table.columns))
    if wrong or checked.config is None or table is None:
        raise ConfigError(path, wrong)
    return Job(path, document, checked.config, checked.options, table)


def _mismatches(options: Options, columns: int) -> list[Problem]:
    """Options that contradict the number of columns."""
    features = getattr(options, "features", None)
    if features not in (None, columns):
        where = place(("model", "options", "features"), features)
        return [Problem(where, f"the data have {columns} columns.")]
    if isinstance(options, LatentClasses) and len(options.levels) != columns:
        where = place(("model", "options", "levels"), options.levels)
        said = f"has {len(options.levels)} entries; give one for each of the {columns} columns."
        return [Problem(where, said)]
    if not options.wide and columns != 1:
        return [Problem("[data] columns", f"this model has one column; the data have {columns}.")]
    return []
