"""Latent structures with enumerated states: a number of states, or a number for each named part."""

import math

import equinox as eqx
import numpy as np

from jaxem.latent.latent import Latent
from jaxem.numerics.memory import in_words, memory
from jaxem.types import DeclarationError, State

#: Bytes for each state, or pair of states: 64 planning rows in double precision, with derivatives.
BYTES_A_CONFIGURATION = 64 * 8 * 16


class Enumerated(Latent):
    """A latent structure with enumerated states, alone or as a product of named parts.

    Args:
        size: The number of states.
        **sizes: Or the number of states of each named part.

    Raises:
        DeclarationError: If both or neither are given, a size is not a positive integer, or there
            are more states than this machine has memory for.
    """

    sizes: tuple[tuple[str, int], ...] = eqx.field(static=True)

    def __init__(self, size: int | None = None, /, **sizes: int):
        kind = type(self).__name__
        if (size is None) == (not sizes):
            raise DeclarationError(
                f"{kind} takes one number of states, {kind}(3), or named ones, "
                f"{kind}(topic=5, outlier=2)."
            )
        parts = {"": size} if size is not None else sizes
        for name, value in parts.items():
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                label = f"{name}={value!r}" if name else repr(value)
                raise DeclarationError(
                    f"{kind}({label}): the number of states must be an integer of at least 1."
                )
        self.sizes = tuple((name, int(value)) for name, value in parts.items())
        self._check_memory()

    def _check_memory(self) -> None:
        """Check that tables of log factors of these states fit into the memory of this machine."""
        needed, limit = self.configurations * BYTES_A_CONFIGURATION, memory() // 2
        if needed <= limit:
            return
        pairs = (
            f", and {_counted(self.configurations)} pairs of them"
            if self.configurations != self.size
            else ""
        )
        product = (
            " A product has as many states as its parts multiplied: take fewer or smaller parts, "
            "or sum one out inside the log joint."
        )
        raise DeclarationError(
            f"{self!r} has {_counted(self.size)} joint states{pairs}. jaxem goes through all at "
            f"every row, which takes about {in_words(needed)} for the fewest rows that it looks at "
            f"together; the limit is half of the memory of this machine, {in_words(limit)}."
            f"{product if len(self.sizes) > 1 else ''}"
        )

    @property
    def size(self) -> int:
        """The number of joint states."""
        return math.prod(value for _, value in self.sizes)

    def states(self) -> State:
        """Every joint state, the first name slowest: an array, or a dictionary of arrays."""
        if self.sizes[0][0] == "":
            return np.arange(self.size)
        grid = np.indices([value for _, value in self.sizes]).reshape(len(self.sizes), -1)
        return {name: row for (name, _), row in zip(self.sizes, grid, strict=True)}

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value}" if name else f"{value}" for name, value in self.sizes)
        return f"{type(self).__name__}({inside})"


def _counted(number: int) -> str:
    digits = len(str(number))
    return f"{number:,}" if digits <= 15 else f"about 10^{digits - 1}"
