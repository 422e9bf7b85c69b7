"""Limits of sizes, checked before any work is done."""

import os

from jaxem.cli.problems import Problem, place

#: Models of one selection.
MODELS = 1_000

_COLUMNS = 100_000

#: Bytes that a restart takes besides its parameters: its trace, its status, its place in files.
_PER_RESTART = 4096

#: Arrays of the size of the parameters that a fit holds at a time.
_COPIES = 12


def too_many_columns(count: int) -> list[Problem]:
    """The problem of a table with too many columns, if it has."""
    if count <= _COLUMNS:
        return []
    said = f"the model would see {count:,} columns; {_COLUMNS:,} are the most. Name fewer."
    return [Problem("[data] columns", said)]


def too_large(restarts: int, numbers: int) -> list[Problem]:
    """The problem of a fit whose restarts do not fit into memory, if they do not.

    Args:
        restarts: Number of restarts.
        numbers: Numbers in the parameters of one restart.
    """
    needed, available = restarts * (_PER_RESTART + 8 * _COPIES * numbers), _memory()
    if needed <= available:
        return []
    said = (
        f"a model of {numbers:,} numbers needs about {_bytes(needed)}, and this machine has "
        f"{_bytes(available)}; take "
    )
    if restarts == 1:
        return [Problem("[model.options]", f"{said}a smaller model.")]
    where = place(("fit", "restarts"), restarts)
    return [Problem(where, f"{said}fewer restarts, or a smaller model.")]


def _bytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"


def _memory() -> int:
    """Bytes of memory of this machine; 2**50 if the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**50
