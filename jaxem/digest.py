"""Digests by which a folder of results knows its own files; no JAX."""

import hashlib
import json
from pathlib import Path


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def same_run(path: Path) -> bool:
    """Whether a file is the one of which the ``summary.json`` beside it speaks, if one does."""
    try:
        summary = json.loads((path.parent / "summary.json").read_text(encoding="utf-8"))
        return summary["files"][path.name] == digest(path)
    except (OSError, ValueError, KeyError, TypeError):
        return True
