"""The folder of compiled programs on disk; without JAX."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The default folder of compiled programs.

    ``JAXEM_CACHE_DIR`` if it is set, else ``jaxem`` in ``XDG_CACHE_HOME``, else ``~/.cache/jaxem``.
    """
    if own := os.environ.get("JAXEM_CACHE_DIR"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "jaxem"


def make_room(folder: Path, limit: int) -> None:
    """Delete the least recently used programs, while they take more bytes than the limit."""
    found = []
    for path in (*folder.glob("*-cache"), *folder.glob("*-traced")):
        try:
            status = path.stat()
        except OSError:  # another process deletes too
            continue
        found.append((max(status.st_atime, status.st_mtime), status.st_size, path))
    excess = sum(size for _, size, _ in found) - limit
    for _, size, path in sorted(found):
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= size
