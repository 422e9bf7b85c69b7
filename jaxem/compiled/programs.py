"""Compiled programs, of which a process keeps those that were used last.

A compiled program takes a few hundred memory maps, of which Linux allows a process 65530, and tens
of megabytes. Fits are kept by the hundred; their programs are therefore dropped, and compiled again
when somebody asks, once many others have been used since.
"""

import itertools
import threading
import weakref
from collections.abc import Callable
from typing import Any

from jaxem.compiled.program import CompiledProgram
from jaxem.traces.meaning import IncomparableError, digest_of

#: Compiled forms, one for each shape of arguments, that the programs of a process have together.
MOST = 128

_every: "weakref.WeakValueDictionary[int, Programs]" = weakref.WeakValueDictionary()
_clock = itertools.count()
_lock = threading.Lock()


class Programs(dict[Any, Any]):
    """Compiled programs of one plan or fit, by what they were compiled for.

    Args:
        identity: What tells their functions, together with their keys, apart from those of every
            other process; None keeps them off the disk, see `remember`.
    """

    def __init__(self, identity: bytes | None = None):
        super().__init__()
        self._identity = identity
        self._used: dict[Any, int] = {}
        _every[id(self)] = self

    def compiled(
        self, key: Any, function: Callable[..., Any], inside: bool = False, brief: bool = False
    ) -> Any:
        """The compiled form of a function of pytrees, kept under a key.

        Args:
            key: What the function is made of; an equal key stands for an equal function. Its first
                part is what the program is called before a reader who waits for it.
            function: What to compile, if it is not here or was dropped.
            inside: Whether other programs call it, which then say how they are compiled.
            brief: Whether it is run a few times, see `CompiledProgram`.
        """
        with _lock:
            if key not in self:
                name = str(key[0] if isinstance(key, tuple) else key)
                mark = None if inside else self._mark(key)
                self[key] = CompiledProgram(function, name, mark, inside, brief)
            program = self[key]
            self._used[key] = next(_clock)
            _make_room()
        return program

    def _mark(self, key: Any) -> bytes | None:
        """What tells a program apart in every process, or None."""
        if self._identity is None:
            return None
        try:
            return digest_of(self._identity, key)
        except IncomparableError:
            return None

    def __reduce__(self) -> Any:
        """A copy has no programs yet."""
        return Programs, ()

    def drop(self, key: Any) -> None:
        """Forget one program."""
        self.pop(key, None)
        self._used.pop(key, None)

    def age(self, key: Any) -> int:
        """When a program was asked for last; the smallest is the oldest."""
        return self._used.get(key, -1)


def _make_room() -> None:
    """Drop the programs that were used longest ago, while there are too many compiled forms."""
    held = [(programs.age(key), programs, key) for programs in _every.values() for key in programs]
    held.sort(key=lambda entry: entry[0])
    forms = [programs[key].forms for _, programs, key in held]
    excess = sum(forms) - MOST
    for (_, programs, key), count in zip(held[:-1], forms, strict=False):
        if excess <= 0:
            return
        programs.drop(key)
        excess -= count
    if excess > 0:  # one program, read at data of very many shapes
        _, programs, key = held[-1]
        programs[key].forget()
