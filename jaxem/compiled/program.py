"""A compiled program, traced once for each form of its arguments, or read traced from disk."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxem.compiled.options import options
from jaxem.compiled.stopwatch import timed
from jaxem.compiled.traced_on_disk import Shelf
from jaxem.traces.plain import plain

#: Numbers in the arguments up to which a program runs in less time than its optimisation takes.
_FEW = 2**14


class CompiledProgram:
    """The compiled form of a function of pytrees.

    Args:
        function: The function to compile.
        name: Its name in progress messages.
        mark: A key of the program, equal in every process; None keeps it off the disk.
        inside: Whether other programs call it, whose compiler options then apply.
        brief: Whether it runs a few times only, so that for small arguments compilation takes
            longer than the runs.
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
        """The result of the function."""
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
