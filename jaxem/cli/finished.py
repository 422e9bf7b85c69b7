"""A finished run: its folder, read back; nothing here imports JAX."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from jaxem.cli.fingerprint import fingerprint
from jaxem.cli.loading import Job, load_document
from jaxem.cli.problems import ConfigError, Problem


class Finished(NamedTuple):
    """What a run was and what it left.

    Attributes:
        folder: Its folder.
        summary: Its ``summary.json``.
        job: Its config, and its data as they are now.
    """

    folder: Path
    summary: dict[str, Any]
    job: Job


def read_finished(folder: Path) -> Finished:
    """Read the folder of a run; of a selection, that of the model it chose.

    Raises:
        ConfigError: If it is no such folder, or the data are not what they were.
    """
    if not (folder / "summary.json").is_file() and (folder / "selection.json").is_file():
        folder = _chosen(folder)
    summary = _read(folder, "summary.json")
    try:
        path, document = Path(summary["config_file"]), summary["config"]
        then = summary["fingerprint"]["data"]
    except KeyError as error:
        said = f"has no {error}; it is no summary that this version of jaxem wrote."
        raise ConfigError(folder, [Problem("summary.json", said)]) from None
    job = load_document(path, document)
    if fingerprint(job)["data"] != then:
        said = f"have changed since the fit. {_again(folder, path)}"
        raise ConfigError(folder, [Problem("the data", said)])
    return Finished(folder, summary, job)


def check_module(finished: Finished) -> None:
    """Complain of a person's own module that has changed since the fit; it must be imported.

    Raises:
        ConfigError: If it has.
    """
    then = finished.summary["fingerprint"].get("module")
    if then is not None and fingerprint(finished.job).get("module") != then:
        said = f"has changed since the fit. {_again(finished.folder, finished.job.path)}"
        raise ConfigError(finished.folder, [Problem("the module of the model", said)])


def _again(folder: Path, config: Path) -> str:
    selected = (folder.parent / "selection.json").is_file()
    return f"Fit again with jaxem {'select' if selected else 'fit'} {config}."


def _chosen(folder: Path) -> Path:
    selection = _read(folder, "selection.json")
    label = selection.get("best", {}).get(selection.get("criterion"))
    if label is None:
        said = "chose no model; name the folder of one, inside this one."
        raise ConfigError(folder, [Problem("the selection", said)])
    return folder / selection["folders"][label]


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        said = "is not there; give a folder that jaxem fit or jaxem select has written."
        raise ConfigError(folder, [Problem(name, said)]) from None
    except (OSError, ValueError) as error:
        raise ConfigError(folder, [Problem(name, f"cannot be read: {error}.")]) from None
    if not isinstance(found, dict):
        raise ConfigError(folder, [Problem(name, "is no table.")])
    return found
