"""What a fit depends on besides its config: the table, and modules of a person's own."""

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
    """Digests of the table, and of the modules of a person's own that have been imported.

    Columns, weights and sequences count, not the file that they stand in. The modules are that of
    the model, and all others beside the config or in the current folder.
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


def places_of_modules(beside: Path) -> tuple[Path, ...]:
    """Where a person's own modules are looked for: beside the config, and the current folder."""
    return tuple(dict.fromkeys((beside.resolve(), Path.cwd())))


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


def changed(modules: Mapping[str, str], beside: Path) -> str:
    """What has become of modules since their digests were taken; empty if nothing.

    Args:
        modules: Digests by dotted name.
        beside: Folder of the config.
    """
    places = places_of_modules(beside)
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
    """Whether a file is a person's own, not one of an installed package."""
    path = Path(file)
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    apart = path.is_relative_to(sys.base_prefix) or path.is_relative_to(_PACKAGE)
    return file.startswith(places) and file.endswith(".py") and not installed and not apart
