"""A page of Markdown as a program: its fenced blocks, and what it says that they print."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")


class Block(NamedTuple):
    """One fenced block: its language, its text, and the line on which it begins."""

    language: str
    text: str
    line: int


def blocks(path: Path) -> list[Block]:
    """Every fenced block of a page, in order."""
    page = path.read_text(encoding="utf-8")
    return [
        Block(m.group(1), m.group(2), page.count("\n", 0, m.start()) + 1)
        for m in _FENCE.finditer(page)
    ]


def run(path: Path) -> None:
    """Run a page's Python blocks in one namespace; a text block after one is what it prints."""
    names: dict[str, Any] = {"__name__": path.stem}
    printed = ""
    for block in blocks(path):
        where = f"{path.name}, line {block.line}"
        if block.language == "python":
            # The line breaks make a traceback point into the page itself.
            code = compile("\n" * block.line + block.text, str(path), "exec")
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(code, names)
            printed = out.getvalue()
        elif block.language == "text":
            assert agree(block.text, printed), (
                f"{where} states:\n{block.text}\nit prints:\n{printed}"
            )
            printed = ""


def agree(stated: str, printed: str) -> bool:
    """Whether a text holds: the same words; numbers to one unit of the last digit shown.

    Columns may be aligned in another way, and `...` stands for anything.
    """
    pieces = [_words(piece) for piece in stated.split("...")]
    words = _words(printed)
    if len(pieces) == 1:
        return _same(pieces[0], words)
    first, *middle, last = pieces
    if not _same(first, words[: len(first)]):
        return False
    at = len(first)
    for piece in middle:
        starts = range(at, len(words) - len(piece) + 1)
        at = next((s + len(piece) for s in starts if _same(piece, words[s : s + len(piece)])), -1)
        if at < 0:
            return False
    return at <= len(words) - len(last) and _same(last, words[len(words) - len(last) :])


def _words(text: str) -> list[str]:
    """Words, numbers and signs, one by one."""
    return re.findall(rf"{_NUMBER.pattern}|[^\W\d]\w*|[^\w\s]", text)


def _same(stated: list[str], printed: list[str]) -> bool:
    return len(stated) == len(printed) and all(map(_holds, stated, printed))


def _holds(stated: str, printed: str) -> bool:
    if stated == printed:
        return True
    if not (_NUMBER.fullmatch(stated) and _NUMBER.fullmatch(printed)):
        return False
    a, b = (float(word.replace(",", "")) for word in (stated, printed))
    return abs(a - b) <= 1.01 * _unit(stated)


def _unit(number: str) -> float:
    """One unit of the last digit of a number; a whole number is exact."""
    digits, _, power = number.partition("e")
    if "." not in digits and not power:
        return 0.0
    return 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
