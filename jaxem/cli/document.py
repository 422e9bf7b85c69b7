"""The TOML file and the ``--set`` settings laid over it, before any check of what they say."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxem.cli.problems import ConfigError, Problem, did_you_mean

Document = dict[str, Any]


def read_document(path: Path) -> Document:
    """Parse a TOML file.

    Raises:
        ConfigError: If there is no such file, or it is not TOML.
    """
    if path.is_dir():
        raise ConfigError(path, [Problem("the path", "is a folder; give a config file, .toml.")])
    if not path.exists():
        siblings = [file.name for file in path.parent.glob("*.toml")]
        hint = did_you_mean(path.name, siblings)
        raise ConfigError(path, [Problem("the path", f"there is no such file.{hint}")])
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = f"cannot be read as text in UTF-8: {error}."
        raise ConfigError(path, [Problem("the file", said)]) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = f"this is not valid TOML: {error}. Text needs quotes, tables are written [name]."
        raise ConfigError(path, [Problem("the file", said)]) from None


def lay_over(document: Document, settings: Sequence[str]) -> list[Problem]:
    """Write each setting, ``table.key=value``, into the document; values are TOML or bare text.

    Returns:
        The settings that cannot be laid over it.
    """
    problems = []
    for setting in settings:
        path, equals, text = setting.partition("=")
        keys = [key.strip() for key in path.split(".")]
        if not equals or len(keys) < 2 or not all(keys):
            said = "expected table.key=value, such as --set fit.restarts=200."
            problems.append(Problem(f"--set {setting}", said))
        elif (blocked := _write(document, keys, _value(text))) is not None:
            said = f"{blocked} is a value, not a table, and has no keys."
            problems.append(Problem(f"--set {setting}", said))
    return problems


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _write(document: Document, keys: list[str], value: Any) -> str | None:
    here = document
    for depth, key in enumerate(keys[:-1], start=1):
        inner = here.setdefault(key, {})
        if not isinstance(inner, dict):
            return ".".join(keys[:depth])
        here = inner
    here[keys[-1]] = value
    return None
