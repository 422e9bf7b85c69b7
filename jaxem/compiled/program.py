"""One compiled program, traced once for each form of its arguments, or found traced on disk."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxem.compiled.options import options
from jaxem.compiled.stopwatch import timed
from jaxem.compiled.traced_on_disk import Shelf
from jaxem.traces.plain import plain

#: Numbers in the arguments of a program that is over before optimising it would be.
_FEW = 2**14


class CompiledProgram:
    """The compiled form of a function of pytrees.

    Args:
        function: What to compile.
        name: What it is called before a reader who waits for it.
        mark: What tells it apart from every other program of any process; None keeps it off the
            disk.
        inside: Whether other programs call it, which then say how they are compiled.
        brief: Whether it is run a few times, so that for small arguments compiling it takes longer
            than running it.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        mark: bytes | None = None,
        inside: bool = False,
        brief: bool = False,
    ):
        traced = timed(plain(function), name)
        self._brief = brief
        self._compiled, self._shelves = {}, {}
        for few in (False, True) if brief else (False,):
            how = None if inside else options(few)
            self._compiled[few] = jax.jit(traced, compiler_options=how)
            if mark is not None:
                self._shelves[few] = Shelf(traced, how, mark)

    def __call__(self, *args: Any) -> Any:
        """What the function returns."""
        few = self._brief and sum(map(np.size, jax.tree.leaves(args))) <= _FEW
        kept = self._shelves[few].form(args) if self._shelves else None
        return (kept or self._compiled[few])(*args)

    @property
    def forms(self) -> int:
        """Number of forms of arguments that it was compiled for."""
        compiled = sum(program._cache_size() for program in self._compiled.values())
        return compiled + sum(shelf.forms for shelf in self._shelves.values())

    def forget(self) -> None:
        """Forget every compiled form."""
        for program in self._compiled.values():
            program.clear_cache()
        for shelf in self._shelves.values():
            shelf.forget()
