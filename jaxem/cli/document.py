"""The TOML file and the ``--set`` settings that override it, before validation."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxem.cli.problems import ConfigError, Problem, did_you_mean

Document = dict[str, Any]

_LONGEST = 4 << 20


def read_document(path: Path) -> Document:
    """Parse a TOML file.

    Raises:
        ConfigError: If there is no such file, or it is not TOML.
    """
    try:
        if path.is_dir():
            said = "is a folder; give a config file, .toml."
            raise ConfigError(path, [Problem("the path", said)])
        if not path.exists():
            siblings = [file.name for file in path.parent.glob("*.toml")]
            hint = did_you_mean(path.name, siblings)
            raise ConfigError(path, [Problem("the path", f"there is no such file.{hint}")])
        if not path.is_file() or path.stat().st_size > _LONGEST:
            said = f"is no config: give an ordinary file of at most {_LONGEST >> 20} MiB."
            raise ConfigError(path, [Problem("the path", said)])
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        said = f"cannot be read as text in UTF-8: {getattr(error, 'strerror', None) or error}."
        raise ConfigError(path, [Problem("the file", said)]) from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        said = "this is not valid TOML: lists or tables stand in one another too deep."
    except ValueError as error:
        said = f"this is not valid TOML: {error}. Text needs quotes, tables are written [name]."
    raise ConfigError(path, [Problem("the file", said)])


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
        found = tomllib.loads(f"value = {text.strip()}")
    except (ValueError, RecursionError):
        return text.strip()
    return found["value"] if len(found) == 1 else text.strip()


def _write(document: Document, keys: list[str], value: Any) -> str | None:
    table = document
    for depth, key in enumerate(keys[:-1], start=1):
        inner = table.setdefault(key, {})
        if not isinstance(inner, dict):
            return ".".join(keys[:depth])
        table = inner
    table[keys[-1]] = value
    return None
