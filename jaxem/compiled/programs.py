"""The cache of compiled programs in a process; the least recently used ones are dropped.

A compiled program takes a few hundred memory maps, of which Linux allows a process 65530, and tens
of megabytes. A process may hold hundreds of fits; so their programs are dropped once many others
have been used since, and compiled again when needed.
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
    """Compiled programs of one plan or fit, by key.

    Args:
        identity: With the key of a program, identifies its function in every process; None keeps
            the programs off the disk, see `remember`.
    """

    def __init__(self, identity: bytes | None = None):
        super().__init__()
        self._identity = identity
        self._used: dict[Any, int] = {}
        _every[id(self)] = self

    def compiled(
        self, key: Any, function: Callable[..., Any], inside: bool = False, brief: bool = False
    ) -> Any:
        """The compiled program of a function of pytrees, cached under a key.

        Args:
            key: Identifies the function: equal keys, equal functions. Its first part is the name
                of the program in progress messages.
            function: The function to compile, if the program is not in the cache.
            inside: Whether other programs call it, whose compiler options then apply.
            brief: Whether it runs a few times only, see `CompiledProgram`.
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
        """The key of a program that is equal in every process, or None."""
        if self._identity is None:
            return None
        try:
            return digest_of(self._identity, key)
        except IncomparableError:
            return None

    def __reduce__(self) -> Any:
        """A copy, without programs."""
        return Programs, ()

    def drop(self, key: Any) -> None:
        """Forget one program."""
        self.pop(key, None)
        self._used.pop(key, None)

    def age(self, key: Any) -> int:
        """The time of a program's last use; the smallest is the oldest."""
        return self._used.get(key, -1)


def _make_room() -> None:
    """Drop the least recently used programs, while there are too many compiled forms."""
    held = [(programs.age(key), programs, key) for programs in _every.values() for key in programs]
    held.sort(key=lambda entry: entry[0])
    forms = [programs[key].forms for _, programs, key in held]
    excess = sum(forms) - MOST
    for (_, programs, key), count in zip(held[:-1], forms, strict=False):
        if excess <= 0:
            return
        programs.drop(key)
        excess -= count
    if excess > 0:  # one program, with very many forms
        _, programs, key = held[-1]
        programs[key].forget()
