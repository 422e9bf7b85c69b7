"""Atomic writing of a folder of results.

The files are written to a new folder next to the old one, synced to the disk, and the folders are
exchanged in one step. Where that is impossible (the folder holds other files too, or is a mount
point) the files are replaced one by one, last the one with the digests of the others.
"""

import contextlib
import ctypes
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxem.cli.interrupts import interrupts
from jaxem.cli.problems import ConfigError, Problem

#: Files of a run; the last has the digests of the others.
RESULTS = ("fit.npz", "parameters.json", "trace.csv", "states.csv", "held_out.json", "summary.json")

#: Files of a selection; the last speaks of the others.
SELECTION = ("selection.csv", "selection.png", "selection.json")

#: Seconds after which a new folder counts as abandoned.
_ABANDONED = 24 * 3600

_PROBE = b"\0" * 65536
_ELSEWHERE = "Name another folder with --output FOLDER."


class Placed(NamedTuple):
    """The folder in which results were written.

    Attributes:
        folder: The folder that has them; None if no folder could be written.
        trouble: Why it is not the folder that was asked for; empty if it is.
    """

    folder: Path | None
    trouble: str = ""


def check(folder: Path, names: Sequence[str]) -> None:
    """Check that a folder can be written, before any work is done.

    A file is written to it and removed, as permissions alone are not conclusive.

    Args:
        folder: The folder; it need not exist.
        names: Names of the files to be written.

    Raises:
        ConfigError: If the folder cannot be made or written to.
    """
    wrong = _wrong(folder, names)
    if wrong:
        raise ConfigError("output", [Problem(str(folder), f"{wrong} {_ELSEWHERE}")])


def put(folder: Path, names: Sequence[str], fill: Callable[[Path], None]) -> Placed:
    """Replace the files of a folder by those that `fill` writes into an empty one.

    Requests to stop wait until the files are in place. If the folder cannot be written after all,
    the files go to a new folder among the temporary files, or in the current or home folder.

    Args:
        folder: The folder; made if needed.
        names: Names of all possible files, that with the digests of the others last. Those that
            `fill` does not write are removed.
        fill: Writes files into a folder.
    """
    with interrupts.held():
        try:
            _put(folder, names, fill)
            return Placed(folder)
        except OSError as error:
            return _other_folder(folder, fill, error.strerror or str(error))


def _wrong(folder: Path, names: Sequence[str]) -> str:
    """Why a folder cannot be written, in words; empty if it can."""
    if not str(folder) or "\0" in str(folder):
        return "is no name of a folder."
    try:
        places = (folder, *folder.absolute().parents)
        for place in places:
            if place.is_symlink() and not place.exists():
                return f"{place} is a link to {os.readlink(place)}, which does not exist."
        exists = next(place for place in places if place.exists())
        if not exists.is_dir():
            return f"{exists} is a file."
        taken = [name for name in names if (folder / name).is_dir()]
        if taken:
            return f"has a folder named {taken[0]}, where the file of this name is to go."
        _try(folder, exists)
    except OSError as error:
        return f"cannot be written to: {error.strerror or error}."
    return ""


def _try(folder: Path, exists: Path) -> None:
    """Make a folder with a file in it and remove both."""
    for part in folder.absolute().parts[len(exists.absolute().parts) :]:
        if len(os.fsencode(part)) > 255:
            raise OSError(f"the name {part[:20]}... is too long")
    stage = _stage(folder) if exists == folder else _new(exists)
    try:
        (stage / "probe").write_bytes(_PROBE)
        _to_disk(stage)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _put(folder: Path, names: Sequence[str], fill: Callable[[Path], None]) -> None:
    folder = folder.resolve()  # a link to a folder stays one
    folder.parent.mkdir(parents=True, exist_ok=True)
    stage = _stage(folder, names)
    try:
        fill(stage)
        _to_disk(stage)
        if stage.parent == folder:
            _one_by_one(stage, folder, names)
        else:
            _at_once(stage, folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _stage(folder: Path, names: Sequence[str] = ()) -> Path:
    """A new folder next to one that can be exchanged as a whole, else inside it."""
    if _is_replaceable(folder, names):
        try:
            return _new(folder.parent, folder)
        except OSError:
            if not folder.exists():
                raise
    return _new(folder)


def _is_replaceable(folder: Path, names: Sequence[str]) -> bool:
    """Whether a folder holds only files of these names, and may be replaced."""
    if not folder.exists():
        return True
    if os.path.ismount(folder) or folder == Path.cwd():
        return False
    with os.scandir(folder) as entries:
        return all(e.name in names and e.is_file(follow_symlinks=False) for e in entries)


def _new(parent: Path, like: Path | None = None) -> Path:
    """A new folder with the permissions of another, or those of the umask."""
    for abandoned in parent.glob(".jaxem-*.partial"):  # by a process that was killed
        if time.time() - abandoned.lstat().st_mtime > _ABANDONED:
            shutil.rmtree(abandoned, ignore_errors=True)
    made = parent / f".jaxem-{secrets.token_hex(6)}.partial"
    made.mkdir()
    if like is not None and like.exists():
        found = like.stat()
        with contextlib.suppress(OSError):
            os.chown(made, -1, found.st_gid)
            made.chmod(stat.S_IMODE(found.st_mode))
    return made


def _at_once(stage: Path, folder: Path) -> None:
    if not folder.exists():
        stage.rename(folder)
    elif not _exchanged(stage, folder):
        previous = stage.with_suffix(".before")
        folder.rename(previous)
        try:
            stage.rename(folder)
        except OSError:
            previous.rename(folder)
            raise
        shutil.rmtree(previous, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, if the system can; whether it was done."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    at_cwd, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), exchange) == 0


def _one_by_one(stage: Path, folder: Path, names: Sequence[str]) -> None:
    made = {path.name for path in stage.iterdir()}
    for name in names:
        if name not in made:
            (folder / name).unlink(missing_ok=True)
    for name in names:
        if name in made:
            os.replace(stage / name, folder / name)


def _to_disk(stage: Path) -> None:
    for path in stage.iterdir():
        _sync(path)
    _sync(stage)


def _sync(path: Path) -> None:
    if os.name == "nt":  # which syncs only what is open for writing
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _other_folder(folder: Path, fill: Callable[[Path], None], why: str) -> Placed:
    """Write the files to another folder, as the one asked for cannot be written."""
    trouble = f"could not be written: {why}."
    for parent in (tempfile.gettempdir, os.getcwd, lambda: os.path.expanduser("~")):
        made = None
        try:
            made = Path(tempfile.mkdtemp(prefix=f"jaxem-{folder.name[:40]}-", dir=parent()))
            fill(made)
            return Placed(made, f"{trouble} The results are in {made}.")
        except OSError:
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)
    return Placed(None, f"{trouble} No other folder could be written either.")
