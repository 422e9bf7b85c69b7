"""Signals that ask a command to stop: none is lost, and none strikes while files are written.

Ctrl-C, SIGTERM and a terminal that hangs up are one request. JAX runs Python in callbacks where an
exception is printed and dropped, and a library may catch a KeyboardInterrupt that strikes while it
is imported. So the request is also noted, and `Interrupts.check` raises it again.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_REQUESTS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupts:
    """A context in which a request to stop raises KeyboardInterrupt, at once or at `check`.

    It may be entered again inside itself; a request is remembered until the outermost exit.

    Attributes:
        asked: Whether a request has come.
    """

    def __init__(self):
        self.asked = False
        self._pending = False
        self._depth = self._held = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth == 1:
            self.asked = self._pending = False
            self._install()
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before = {}

    def check(self) -> None:
        """Raise a request that was dropped, or that came while it was held back."""
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """A context in which requests are noted and raise nothing."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def _install(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python lets the main thread alone handle signals
        for number in _REQUESTS:
            before = signal.getsignal(number)
            if before is None or (number != signal.SIGINT and before is signal.SIG_IGN):
                continue  # nohup ignores the end of a terminal, and means it
            self._before[number] = signal.signal(number, self._interrupt)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = self._pending = True
        if not self._held:
            raise KeyboardInterrupt


#: The requests to stop that this process gets.
interrupts = Interrupts()
