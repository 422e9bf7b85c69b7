"""Timing of the stages of a fit: planning, tracing, compiling, steps, judging."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax

#: Events of JAX that end the compilation of a program, and a part of it.
_ENDS = "/jax/core/compile/backend_compile_duration"
_COMPILES = (_ENDS, "/jax/core/compile/jaxpr_to_mlir_module_duration")

#: Seconds after which the progress of a fit says that a program is being compiled.
_PATIENCE = 1.0


@dataclasses.dataclass(frozen=True)
class Seconds:
    """Seconds of the stages of a fit.

    Attributes:
        plan: Checks of the declaration and the data, the plan, the starts.
        trace: Tracing of Python functions.
        compile: Compiling these programs, or reading them from the disk.
        steps: Steps of the algorithm.
        judge: Verdicts on the ends of the restarts.
    """

    plan: float
    trace: float
    compile: float
    steps: float
    judge: float

    @property
    def total(self) -> float:
        """All seconds."""
        return self.plan + self.trace + self.compile + self.steps + self.judge


class _Spent(threading.local):
    """Seconds of tracing and compiling of this thread, and the receiver of its progress."""

    trace = 0.0
    compile = 0.0
    say: Callable[[str], None] | None = None
    timer: threading.Timer | None = None


_spent = _Spent()


class Stopwatch:
    """Times the stages of a fit, tracing and compiling apart."""

    def __init__(self):
        self._stages: dict[str, float] = {}
        self._trace, self._compile = _spent.trace, _spent.compile

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A context that times a stage of `Seconds`, without tracing and compiling in it."""
        began, before = time.perf_counter(), _spent.trace + _spent.compile
        try:
            yield
        finally:
            own = time.perf_counter() - began - (_spent.trace + _spent.compile - before)
            self._stages[name] = self._stages.get(name, 0.0) + max(own, 0.0)

    def seconds(self) -> Seconds:
        """The seconds measured so far."""
        each = {name: self._stages.get(name, 0.0) for name in ("plan", "steps", "judge")}
        trace, compile = _spent.trace - self._trace, _spent.compile - self._compile
        return Seconds(trace=trace, compile=compile, **each)


@contextlib.contextmanager
def announcing(say: Callable[[str], None] | None) -> Iterator[None]:
    """A context in which long compilations of this thread are announced.

    Args:
        say: Called with the message; None announces nothing.
    """
    before, _spent.say = _spent.say, say
    try:
        yield
    finally:
        _spent.say = before
        _cancel()


def timed(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The function, to be traced by JAX, with traces timed and long compilations announced.

    Args:
        function: The function of a program.
        name: Its name in progress messages.
    """

    def traced(*args: Any) -> Any:
        began, compiled = time.perf_counter(), _spent.compile
        _announce(name)
        try:
            return function(*args)
        finally:  # a small operation that was compiled meanwhile has cancelled the announcement
            _announce(name)
            _spent.trace += time.perf_counter() - began - (_spent.compile - compiled)

    traced.__name__ = name.replace(" ", "_")
    return traced


def _announce(name: str) -> None:
    """Announce a compilation after a while, unless it ends before."""
    if _spent.say is not None and _spent.timer is None:
        _spent.timer = threading.Timer(_PATIENCE, _spent.say, [f"compiling: {name}"])
        _spent.timer.daemon = True
        _spent.timer.start()


def _cancel() -> None:
    """End the announcement of a compilation."""
    if _spent.timer is not None:
        _spent.timer.cancel()
        _spent.timer = None


def _listen(event: str, duration_secs: float, **_: Any) -> None:
    if event in _COMPILES:
        _spent.compile += duration_secs
    if event == _ENDS:
        _cancel()


jax.monitoring.register_event_duration_secs_listener(_listen)
