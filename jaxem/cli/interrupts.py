"""Handling of stop signals: none is lost, and none interrupts the writing of files.

Ctrl-C, SIGTERM and a terminal that hangs up are requests to stop. JAX runs Python in callbacks in
which an exception is printed and dropped, and a library may catch a KeyboardInterrupt while it is
imported. So the request is also noted, and `Interrupts.check` raises it again.
"""

import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_REQUESTS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

#: Seconds after which a request is tried again that came where exceptions are dropped.
_SOON = 0.05

_TIMER = (signal.SIGALRM,) if hasattr(signal, "SIGALRM") else ()


class Interrupts:
    """A context in which a request to stop raises KeyboardInterrupt, at once or at `check`.

    It may be nested; a request is noted until the outermost exit.

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
        """Raise KeyboardInterrupt for a request that was dropped or held back."""
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """A context in which requests are noted and not raised."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def _install(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python handles signals in the main thread only
        for number in (*_REQUESTS, *_TIMER):
            before = signal.getsignal(number)
            if before is None or (number != signal.SIGINT and before is signal.SIG_IGN):
                continue  # nohup ignores the end of a terminal, and means it
            self._before[number] = signal.signal(number, self._interrupt)

    def _interrupt(self, _signal: int, frame: FrameType | None) -> None:
        self.asked = self._pending = True
        if self._held:
            return
        if frame is not None and _drops(frame) and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, _SOON)
            return
        raise KeyboardInterrupt


def _drops(frame: FrameType) -> bool:
    """Whether an exception in this frame is printed and dropped by Python itself."""
    code = frame.f_code
    return code.co_name in ("__del__", "_xla_gc_callback") or code.co_filename == weakref.__file__


#: The requests to stop that this process gets.
interrupts = Interrupts()
