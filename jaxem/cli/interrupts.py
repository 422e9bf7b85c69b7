"""Ctrl-C that cannot get lost.

JAX runs Python in callbacks where an exception is printed and dropped; a KeyboardInterrupt that
strikes there vanishes. So Ctrl-C is also written down, and raised again at the next occasion.
"""

import signal
from types import FrameType
from typing import Any, Self


class Interrupts:
    """A context in which Ctrl-C raises KeyboardInterrupt, at once or at the next `check`."""

    def __init__(self):
        self._asked = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raise what may have been dropped."""
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt
