"""Numbers of states as people write them: one number, or one a name."""

import math
from collections.abc import Mapping

import numpy as np

from jaxem.types import DeclarationError, State

Sizes = tuple[tuple[str, int], ...]


def read_sizes(kind: str, size: int | None, sizes: Mapping[str, int]) -> Sizes:
    """Names and numbers of states, checked; a single number has the empty name.

    Args:
        kind: The latent structure, for messages.
        size: One number of states, or None.
        sizes: Named ones.

    Raises:
        DeclarationError: If both or neither are given, or a size is not a positive integer.
    """
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
    return tuple((name, int(value)) for name, value in parts.items())


def all_states(sizes: Sizes) -> State:
    """Every joint state, the first name slowest: an array, or a dictionary of arrays."""
    total = math.prod(value for _, value in sizes)
    if sizes[0][0] == "":
        return np.arange(total)
    grid = np.indices([value for _, value in sizes]).reshape(len(sizes), -1)
    return {name: row for (name, _), row in zip(sizes, grid, strict=True)}


def size_words(sizes: Sizes) -> str:
    """The numbers as they were written."""
    return ", ".join(f"{name}={value}" if name else f"{value}" for name, value in sizes)
