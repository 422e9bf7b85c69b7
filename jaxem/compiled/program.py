"""One compiled program, traced once for each form of its arguments, or found traced on disk."""

from collections.abc import Callable
from typing import Any

import jax

from jaxem.compiled.stopwatch import timed
from jaxem.compiled.traced_on_disk import Shelf
from jaxem.numerics.plain import plain


class Program:
    """The compiled form of a function of pytrees.

    Args:
        function: What to compile.
        name: What it is called before a reader who waits for it.
        options: How XLA compiles it, or None.
        mark: What tells it apart from every other program of any process; None keeps it off the
            disk.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        options: dict[str, Any] | None,
        mark: bytes | None,
    ):
        traced = timed(plain(function), name)
        self._program = jax.jit(traced, compiler_options=options)
        self._shelf = None if mark is None else Shelf(traced, options, mark)

    def __call__(self, *args: Any) -> Any:
        """What the function returns."""
        form = None if self._shelf is None else self._shelf.form(args)
        return (form or self._program)(*args)

    @property
    def forms(self) -> int:
        """Number of forms of arguments that it was compiled for."""
        return self._program._cache_size() + (0 if self._shelf is None else self._shelf.forms)

    def forget(self) -> None:
        """Forget every compiled form."""
        self._program.clear_cache()
        if self._shelf is not None:
            self._shelf.forget()
