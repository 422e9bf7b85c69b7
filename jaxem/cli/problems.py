"""Problems of a config in words: the place, the given value, and the remedy."""

import difflib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Location = tuple[str | int, ...]


class Problem(NamedTuple):
    """One mistake.

    Attributes:
        where: The place, such as ``[fit] restarts = -1`` or ``table.csv, line 7``.
        said: What is wrong there and what would be right.
    """

    where: str
    said: str


class ConfigError(Exception):
    """A command cannot run as asked; it carries every problem found, and ends with exit code 2.

    Args:
        subject: The thing with the problems, usually the path of the config.
        problems: At least one.
    """

    def __init__(self, subject: str | Path, problems: Sequence[Problem]):
        super().__init__(f"{subject}: {len(problems)} problems")
        self.subject = subject
        self.problems = tuple(problems)

    def report(self) -> str:
        """All problems, one paragraph each."""
        count = len(self.problems)
        noun = "a problem" if count == 1 else f"{count} problems"
        body = (f"  {problem.where}\n      {problem.said}" for problem in self.problems)
        return "\n".join([f"{self.subject} has {noun}:", *body])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'restarts'?``, or an empty string if no known word is close."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    begun = [name for name in folded if len(word) > 2 and name.startswith(word.casefold())]
    close = near or begun
    return f" Did you mean {folded[close[0]]!r}?" if close else ""


def listing(names: Iterable[str]) -> str:
    """Names with commas between them; long lists are cut."""
    names = list(names)
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown}, and {len(names) - 12} more"


def place(location: Location, value: Any = None) -> str:
    """``[table] key = value`` in the syntax of the config; no value for a table or None."""
    if not location:
        return "the whole file"
    if isinstance(value, dict):
        return f"[{'.'.join(map(str, location))}]"
    depth = next((i for i, step in enumerate(location) if isinstance(step, int)), len(location))
    tables, key = location[: depth - 1], str(location[depth - 1])
    key += "".join(f"[{step}]" for step in location[depth:])
    table = f"[{'.'.join(map(str, tables))}] " if tables else ""
    return f"{table}{key}" if value is None else f"{table}{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
