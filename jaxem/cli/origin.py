"""Where a run came from: what its summary tells others, and what this machine alone remembers.

A summary is passed on, so it has no absolute path. The cache remembers, for the folder of each run
made here, its config and the digest of its summary: that is how a report finds data that lie
elsewhere, and knows a folder that was moved, changed or downloaded.
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
    """What is known of where a folder came from.

    Attributes:
        here: Whether this machine wrote it, at this place, as it is now.
        configs: Where its config may stand, the likeliest first.
        source: Where its data were, if the config had an absolute path; else None.
    """

    here: bool
    configs: tuple[Path, ...]
    source: Path | None


def recorded_document(job: Job) -> Document:
    """The config as a summary has it: absolute paths are cut to what lies in the project."""
    document = {key: dict(t) if isinstance(t, dict) else t for key, t in job.document.items()}
    data, output = document["data"], document.get("output", {})
    if os.path.isabs(data["source"]):
        data["source"] = _within(Path(data["source"]), job.path.parent)
    if os.path.isabs(output.get("folder") or ""):
        output["folder"] = Path(output["folder"]).name
    return document


def recorded_path(config: Path, folder: Path) -> str:
    """The way from a folder of results to the config, if both lie in one project; else its name."""
    config, folder, project = config.resolve(), folder.resolve(), Path.cwd()
    inside = config.is_relative_to(project) and folder.is_relative_to(project)
    if inside or folder.is_relative_to(config.parent):
        return Path(os.path.relpath(config, folder)).as_posix()
    return config.name


def _within(path: Path, beside: Path) -> str:
    """A path as seen from the folder of the config, if it is in it or in the current folder."""
    path, beside = path.resolve(), beside.resolve()
    if path.is_relative_to(beside) or (
        path.is_relative_to(Path.cwd()) and beside.is_relative_to(Path.cwd())
    ):
        return Path(os.path.relpath(path, beside)).as_posix()
    return path.name


def remember(folder: Path, job: Job) -> None:
    """Note in the cache that a folder was written here; a cache that is read-only is no matter."""
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
    """What is known of where a folder came from.

    Args:
        folder: A folder of results.
        config_file: What its summary says of its config.
    """
    told = Path(os.path.normpath(folder.resolve() / config_file))
    near = [place / told.name for place in (folder, *folder.resolve().parents[:3], Path.cwd())]
    noted = _noted(folder)
    if noted is None:
        return Origin(False, tuple(dict.fromkeys([told, *near])), None)
    source = None if noted["source"] is None else Path(noted["source"])
    return Origin(True, tuple(dict.fromkeys([Path(noted["config"]), told, *near])), source)


def _noted(folder: Path) -> dict[str, Any] | None:
    """What the cache remembers of a folder; None if it is not as it was written."""
    try:
        noted = json.loads(_note(folder).read_text(encoding="utf-8"))
        same = noted["summary"] == digest(folder / "summary.json")
        return {key: noted[key] for key in ("config", "source")} if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
    return cache_folder() / "runs" / f"{name}.json"
