"""Reading and checking of the folder of a finished run, without importing JAX or user code."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from jaxem.cli.document import Document
from jaxem.cli.fingerprint import changed, of_table
from jaxem.cli.loading import Job, load_document
from jaxem.cli.origin import Origin, origin
from jaxem.cli.problems import ConfigError, Problem
from jaxem.cli.table import find
from jaxem.digest import digest

_Told = TypeVar("_Told", bound=BaseModel)


class Fingerprint(BaseModel):
    """Digests of the inputs of a fit; see `jaxem.cli.fingerprint`."""

    data: str
    modules: dict[str, str]


class Summary(BaseModel):
    """The entries of a ``summary.json`` that a report needs."""

    config: dict[str, Any]
    config_file: str
    columns: list[str]
    files: dict[str, str]
    fingerprint: Fingerprint
    seconds: float
    versions: dict[str, str]


class Selected(BaseModel):
    """The entries of a ``selection.json`` that a report needs."""

    criterion: str | None
    best: dict[str, str]
    folders: dict[str, str]
    fits: dict[str, str]


class Finished(NamedTuple):
    """A finished run, with its job and data read again.

    Attributes:
        folder: Its folder.
        summary: Its ``summary.json``.
        job: Its config, and its data, read again.
        notes: Remarks on the folder for the report.
    """

    folder: Path
    summary: dict[str, Any]
    job: Job
    notes: tuple[str, ...]


def read_finished(folder: Path, data: Path | None = None, trust: bool = False) -> Finished:
    """Read the folder of a run; of a selection, that of the model it chose.

    Args:
        folder: The folder.
        data: The CSV file, if it is not where the config said.
        trust: Whether to run the module of a model whose folder is not from this machine.

    Raises:
        ConfigError: If it is no such folder, its files are of different runs, the data or the
            modules are not what they were, or their code is not trusted.
    """
    if folder.is_file():
        said = "is a file; give a folder that jaxem fit or jaxem select has written."
        raise ConfigError(folder, [Problem("the path", said)])
    if not (folder / "summary.json").is_file() and (folder / "selection.json").is_file():
        folder = _chosen(folder)
    told, summary = _read(folder, "summary.json", Summary)
    _check_fit(folder, told.files.get("fit.npz"))
    known = origin(folder, told.config_file)
    job = _job(folder, told, known, data)
    job = _with_modules(folder, told, known, job, trust)
    notes = [
        f"{name} is not as the fit wrote it"
        for name, then in told.files.items()
        if not (folder / name).is_file() or digest(folder / name) != then
    ]
    return Finished(folder, summary, job, tuple(notes))


def _check_fit(folder: Path, then: str | None) -> None:
    path = folder / "fit.npz"
    if not path.is_file():
        raise ConfigError(folder, [Problem("fit.npz", "is not there; fit again.")])
    if digest(path) != then:
        said = "is not the fit of which the summary beside it speaks; fit again."
        raise ConfigError(folder, [Problem("fit.npz", said)])


def _job(folder: Path, told: Summary, known: Origin, data: Path | None) -> Job:
    """The job with the data that were fitted, from the first file with their digest."""
    files, first = _sources(told, known, data)
    wrong: ConfigError | None = None
    for file in files:
        section = {**told.config["data"], "source": str(file)}
        try:
            job = load_document(known.configs[0], {**told.config, "data": section})
        except ConfigError as error:
            wrong = wrong or error
            continue
        if of_table(job.table) == told.fingerprint.data:
            return job
        wrong = _changed(folder, known, files)
    if wrong is not None:
        raise wrong
    said = f"{first.said} Say where the data are with --data FILE."
    raise ConfigError(folder, [Problem("the data", said)])


def _sources(told: Summary, known: Origin, data: Path | None) -> tuple[list[Path], Problem]:
    """Candidate files of the data, and the problem if there is none."""
    source = (told.config.get("data") or {}).get("source")
    if not isinstance(source, str):
        source = ""
    asked = [(str(data.absolute()), Path())] if data is not None else []
    if data is None:
        asked += [(source, config.parent) for config in known.configs]
        asked += [] if known.source is None else [(str(known.source), Path())]
    found = [find(one, config_folder) for one, config_folder in asked]
    files = [path.resolve() for path, _ in found if path is not None]
    wrong = [problem for _, problems in found for problem in problems]
    return list(dict.fromkeys(files)), wrong[0] if wrong else Problem("", "")


def _changed(folder: Path, known: Origin, files: list[Path]) -> ConfigError:
    said = f"have changed since the fit. {_again(folder, known.configs[0])} (Read: {files[0]}.)"
    return ConfigError(folder, [Problem("the data", said)])


def _with_modules(folder: Path, told: Summary, known: Origin, job: Job, trust: bool) -> Job:
    """The job, with the path of its config in the folder that has the unchanged modules."""
    model = job.config.model
    named = (model.declare or model.program or "").partition(":")[0]
    if not named:
        return job
    modules = told.fingerprint.modules
    found = {path: changed(modules, path.parent) for path in known.configs}
    path = next((path for path, wrong in found.items() if not wrong), known.configs[0])
    where = "the module of the model"
    if named not in modules or found[path]:
        said = f"{found[path] or 'has no digest.'} {_again(folder, path)}"
        raise ConfigError(folder, [Problem(where, said)])
    if not (known.is_local or trust):
        said = (
            f"is {named}, and a report runs its code. The folder was not written at this place on "
            f"this machine, or has been changed. If you know the code, add --trust."
        )
        raise ConfigError(folder, [Problem(where, said)])
    return job._replace(path=path)


def _again(folder: Path, config: Path) -> str:
    selected = (folder.parent / "selection.json").is_file()
    config = Path(os.path.relpath(config)) if config.is_relative_to(Path.cwd()) else config
    return f"Fit again with jaxem {'select' if selected else 'fit'} {config}."


def _chosen(folder: Path) -> Path:
    told, _ = _read(folder, "selection.json", Selected)
    label = told.best.get(told.criterion or "")
    name = told.folders.get(label or "")
    if label is None or name in (None, "", ".", "..") or Path(name).name != name:
        said = "chose no model; name the folder of one, inside this one."
        raise ConfigError(folder, [Problem("the selection", said)])
    chosen = folder / name
    if (chosen / "fit.npz").is_file() and digest(chosen / "fit.npz") != told.fits.get(label):
        said = f"was made with another fit of {label}. Go through it again with jaxem select."
        raise ConfigError(folder, [Problem("the selection", said)])
    return chosen


def _read(folder: Path, name: str, kind: type[_Told]) -> tuple[_Told, Document]:
    """A JSON file, as the entries that a report needs and as a whole."""
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
        return kind.model_validate(found), found
    except FileNotFoundError:
        said = "is not there; give a folder that jaxem fit or jaxem select has written."
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        said = f"has no {place or 'table'} as this version of jaxem writes it; fit again."
    except (OSError, ValueError, RecursionError) as error:
        said = f"cannot be read: {error}."
    raise ConfigError(folder, [Problem(name, said)]) from None
