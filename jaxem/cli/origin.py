"""The origin of a run: paths in its summary, and a record in the cache of this machine.

A summary may be passed on, so it has no absolute path. For the folder of each run of this machine
the cache has its config and the digest of its summary: by these a report finds data in other
folders, and recognises a folder that was moved, changed or downloaded.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from jaxem.cli.document import Document
from jaxem.cli.loading import Job
from jaxem.compiled.folder import cache_folder
from jaxem.digest import digest


class Origin(NamedTuple):
    """The origin of a folder of results.

    Attributes:
        is_local: Whether this machine wrote the folder at this path, and it is unchanged.
        configs: Candidate paths of its config, the likeliest first.
        source: Path of its data, if it is absolute in the config; else None.
    """

    is_local: bool
    configs: tuple[Path, ...]
    source: Path | None


def recorded_document(job: Job) -> Document:
    """The config for a summary: absolute paths are replaced by paths in the project, or names."""
    document = {key: dict(t) if isinstance(t, dict) else t for key, t in job.document.items()}
    data, output = document["data"], document.get("output", {})
    if os.path.isabs(data["source"]):
        data["source"] = _within(Path(data["source"]), job.path.parent)
    if os.path.isabs(output.get("folder") or ""):
        output["folder"] = Path(output["folder"]).name
    return document


def recorded_path(config: Path, folder: Path) -> str:
    """Relative path from a folder of results to the config in the same project; else its name."""
    config, folder, project = config.resolve(), folder.resolve(), Path.cwd()
    inside = config.is_relative_to(project) and folder.is_relative_to(project)
    if inside or folder.is_relative_to(config.parent):
        return Path(os.path.relpath(config, folder)).as_posix()
    return config.name


def _within(path: Path, config_folder: Path) -> str:
    """A path relative to the folder of the config, if it is in it or in the current folder."""
    path, config_folder = path.resolve(), config_folder.resolve()
    if path.is_relative_to(config_folder) or (
        path.is_relative_to(Path.cwd()) and config_folder.is_relative_to(Path.cwd())
    ):
        return Path(os.path.relpath(path, config_folder)).as_posix()
    return path.name


def remember(folder: Path, job: Job) -> None:
    """Record in the cache that a folder was written; errors of the cache are ignored."""
    source = Path(job.config.data.source).expanduser()
    noted = {
        "config": str(job.path.resolve()),
        "source": str(source) if source.is_absolute() else None,
        "summary": digest(folder / "summary.json"),
    }
    try:
        note = _note(folder)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(noted), encoding="utf-8")
    except OSError:
        return


def origin(folder: Path, config_file: str) -> Origin:
    """The origin of a folder of results.

    Args:
        folder: A folder of results.
        config_file: Path of the config in its summary.
    """
    told = Path(os.path.normpath(folder.resolve() / config_file))
    near = [place / told.name for place in (folder, *folder.resolve().parents[:3], Path.cwd())]
    noted = _noted(folder)
    if noted is None:
        return Origin(False, tuple(dict.fromkeys([told, *near])), None)
    source = None if noted["source"] is None else Path(noted["source"])
    return Origin(True, tuple(dict.fromkeys([Path(noted["config"]), told, *near])), source)


def _noted(folder: Path) -> dict[str, Any] | None:
    """The record of a folder in the cache; None if there is none, or the folder has changed."""
    try:
        noted = json.loads(_note(folder).read_text(encoding="utf-8"))
        same = noted["summary"] == digest(folder / "summary.json")
        return {key: noted[key] for key in ("config", "source")} if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
    return cache_folder() / "runs" / f"{name}.json"
