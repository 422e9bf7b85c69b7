"""Loading and checking of a config file, its settings and its table, without importing JAX."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxem.cli.checking import check, check_select
from jaxem.cli.document import Document, lay_over, read_document
from jaxem.cli.limits import too_large
from jaxem.cli.members import expand, of_members
from jaxem.cli.options import LatentClasses, Options
from jaxem.cli.problems import ConfigError, Problem, did_you_mean, listing, place
from jaxem.cli.schema import Config, DataSection, SelectSection
from jaxem.cli.steps import not_a_chain, sequence_weights
from jaxem.cli.table import Table, read_table

Reader = Callable[[DataSection, Path], tuple[Table | None, list[Problem]]]


class Job(NamedTuple):
    """A checked config with its table.

    Attributes:
        path: The config file.
        document: Its contents, with the settings applied.
        config: The document, validated.
        options: Options of the ready model; None for a user's model.
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
    return load_document(path, document, wrong)


def load_members(path: Path, settings: Sequence[str] = ()) -> tuple[SelectSection, dict[str, Job]]:
    """Read and check a config for every model of its selection.

    Returns:
        The ``[select]`` table; and jobs by label.

    Raises:
        ConfigError: If anything is wrong with any of them; it lists everything.
    """
    document = read_document(path)
    wrong = lay_over(document, settings)
    section, more = check_select(document)
    members, more = ([], more) if section is None else expand(document, section)
    wrong += more
    if section is None or not members:
        raise ConfigError(path, wrong)
    jobs, found = {}, []
    read = _once(read_table)
    for member in members:
        try:
            jobs[member.label] = load_document(path, member.document, [], read)
        except ConfigError as error:
            found += [(member.label, problem) for problem in error.problems]
    wrong += of_members(section, found, bool(section.models))
    if wrong:
        raise ConfigError(path, wrong)
    return section, jobs


def load_document(
    path: Path, document: Document, wrong: Sequence[Problem] = (), read: Reader = read_table
) -> Job:
    """Check a document as if it were read from this path.

    Args:
        path: The config file, whose folder relative paths start from.
        document: The document.
        wrong: Problems found before.
        read: Reads the table.

    Raises:
        ConfigError: If anything is wrong; it lists everything.
    """
    checked = check(document)
    wrong = [*wrong, *checked.problems]
    table = None
    if checked.data is not None:
        table, more = read(checked.data, path.parent)
        wrong += more
    if checked.data is not None and table is not None and checked.options is not None:
        more, table = _fit_together(checked.options, checked.data, table)
        wrong += more
        if checked.config is not None and not wrong:
            numbers = checked.options.numbers(len(table.columns))
            wrong += too_large(checked.config.fit.restarts or 1, numbers)
    if wrong or checked.config is None or table is None:
        raise ConfigError(path, wrong)
    return Job(path, document, checked.config, checked.options, table)


def _once(read: Reader) -> Reader:
    """A reader that reads once and returns the same table on later calls."""
    answers: list[tuple[Table | None, list[Problem]]] = []

    def answer(data: DataSection, config_folder: Path) -> tuple[Table | None, list[Problem]]:
        if not answers:
            answers.append(read(data, config_folder))
        return answers[0]

    return answer


def _fit_together(options: Options, data: DataSection, table: Table) -> tuple[list[Problem], Table]:
    """Contradictions of a ready model's options and the data; and the columns that it names."""
    wrong = [] if options.chain else not_a_chain(data)
    if options.chain:
        wrong += sequence_weights(data, table.steps, table.weights)[1]
    if options.named is None:
        return wrong + _mismatches(options, len(table.columns)), table
    wrong += _unknown(options.named, table)
    asked = [name for names in options.named.values() for name in names]
    kept = {name: values for name, values in table.columns.items() if name in asked}
    return wrong, table._replace(columns=kept)


def _unknown(named: dict[str, list[str]], table: Table) -> list[Problem]:
    """Columns named in options that the data do not have."""
    columns = list(table.columns)
    return [
        Problem(
            place(("model", "options", key), name),
            f"the model sees no column {name!r}.{did_you_mean(name, columns)} It sees "
            f"{listing(columns)}.",
        )
        for key, names in named.items()
        for name in names
        if name not in columns
    ]


def _mismatches(options: Options, columns: int) -> list[Problem]:
    """Options that contradict the number of columns."""
    counting = options.counts_columns
    if counting is not None and getattr(options, counting) not in (None, columns):
        where = place(("model", "options", counting), getattr(options, counting))
        return [Problem(where, f"the data have {columns} columns.")]
    if isinstance(options, LatentClasses) and len(options.levels) != columns:
        where = place(("model", "options", "levels"), options.levels)
        said = f"has {len(options.levels)} entries; give one for each of the {columns} columns."
        return [Problem(where, said)]
    if not options.wide and columns != 1:
        return [Problem("[data] columns", f"this model has one column; the data have {columns}.")]
    return []
