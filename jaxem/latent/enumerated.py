"""States as people write them: one number of them, or one a name."""

import math

import equinox as eqx
import numpy as np

from jaxem.latent.latent import Latent
from jaxem.types import DeclarationError, State


class Enumerated(Latent):
    """A latent structure whose states are counted, alone or as a product of named parts.

    Args:
        size: The number of states.
        **sizes: Or the number of states of each named part.

    Raises:
        DeclarationError: If both or neither are given, or a size is not a positive integer.
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
