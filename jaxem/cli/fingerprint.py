"""Digests of the inputs of a fit besides its config: the table, and the user's modules."""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxem.cli.loading import Job
from jaxem.cli.table import Table
from jaxem.digest import digest

_PACKAGE = Path(__file__).parents[1]


def fingerprint(job: Job) -> dict[str, Any]:
    """Digests of the table, and of the user's modules that have been imported.

    The digest of the table is of columns, weights and sequences, not of the file. The modules are
    that of the model, and all others in the folder of the config or the current folder.
    """
    files = {name: Path(file) for name, file in _imported(job)}
    return {
        "data": of_table(job.table),
        "modules": {name: digest(file) for name, file in sorted(files.items())},
    }


def of_table(table: Table) -> str:
    """Digest of columns, weights and sequences."""
    found, columns = hashlib.sha256(), dict(table.columns)
    if table.weights is not None:
        columns["weights of the rows"] = table.weights
    for index, rows in enumerate(table.steps.rows):
        columns[f"rows of sequence {index}"] = rows
    for name, values in columns.items():
        found.update(f"{name} {values.dtype} {values.shape} ".encode())
        found.update(np.ascontiguousarray(values).data)
    return found.hexdigest()


def places_of_modules(config_folder: Path) -> tuple[Path, ...]:
    """Folders of a user's modules: that of the config, and the current folder."""
    return tuple(dict.fromkeys((config_folder.resolve(), Path.cwd())))


def file_of(
    module: str, places: tuple[Path, ...], more: Iterable[str] | None = None
) -> Path | None:
    """The file of a module, found without importing it or the packages that it is in.

    Args:
        module: Its dotted name.
        places: Folders to look in first.
        more: Folders to look in then; those of Python if left out.
    """
    parts = module.split(".")
    for place in (*places, *map(Path, sys.path if more is None else more)):
        stem = place.joinpath(*parts)
        for file in (stem / "__init__.py", stem.with_name(f"{parts[-1]}.py")):
            if file.is_file():
                return file
    return None


def changed(modules: Mapping[str, str], config_folder: Path) -> str:
    """The first change of modules since their digests were taken, in words; empty if none.

    Args:
        modules: Digests by dotted name.
        config_folder: Folder of the config.
    """
    places = places_of_modules(config_folder)
    for name, then in modules.items():
        file = file_of(name, places)
        if file is None:
            return f"there is no module {name!r} in {' or '.join(map(str, places))}."
        if digest(file) != then:
            return f"{file} has changed since the fit."
    return ""


def _imported(job: Job) -> Iterator[tuple[str, str]]:
    section = job.config.model
    named = (section.declare or section.program or "").partition(":")[0]
    if not named:
        return
    places = tuple(f"{place}{os.sep}" for place in places_of_modules(job.path.parent))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if (name == named and file) or (isinstance(file, str) and _own(file, places)):
            yield name, str(file)


def _own(file: str, places: tuple[str, ...]) -> bool:
    """Whether a file is a user's, not one of an installed package."""
    path = Path(file)
    installed = bool({"site-packages", "dist-packages"} & set(path.parts))
    installed |= path.is_relative_to(sys.base_prefix) or path.is_relative_to(_PACKAGE)
    return file.startswith(places) and file.endswith(".py") and not installed
