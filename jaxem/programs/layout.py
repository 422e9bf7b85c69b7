"""Where the rows are: which axes of which arguments run over the data.

Nothing in a program says that axis 0 of ``x`` runs along its plate ``data``; sizes only suggest it.
A layout is a guess, to be tried by evaluating the program row by row.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.programs.arguments import Arguments
from jaxem.programs.glimpse import Glimpse

_MOST_TRIES = 64
_MOST_READINGS = 32

#: For each plate of the data, the axis of a leaf that runs along it, or None.
Axes = tuple[int | None, ...]


class Layout:
    """Which axes of the arguments run over the data.

    Args:
        arguments: The arguments of a call.
        axes: For each leaf that carries rows, by label, its axes along the plates.
        sizes: Sizes of the plates of the data by name, outermost first.
        read: Labels of leaves whose values the program reads, so that they are shown whole.
    """

    def __init__(
        self,
        arguments: Arguments,
        axes: Mapping[str, Axes],
        sizes: Mapping[str, int],
        read: frozenset[str] = frozenset(),
    ):
        self.arguments, self.axes, self.sizes, self.read = arguments, dict(axes), dict(sizes), read

    def readings(self) -> Iterator["Layout"]:
        """The same for programs that read values of none of the leaves, of one, of several."""
        several = (itertools.combinations(self.axes, count) for count in range(len(self.axes) + 1))
        for labels in itertools.islice(itertools.chain.from_iterable(several), _MOST_READINGS):
            yield Layout(self.arguments, self.axes, self.sizes, frozenset(labels))

    def rows(self, arguments: Arguments) -> dict[str, np.ndarray]:
        """The rows of arguments, one leaf an entry; in C order of several plates.

        With several plates, the index of a row in each is there too, by the plate's name.
        """
        found = dict(zip(arguments.labels, arguments.leaves, strict=True))
        sizes = self.sizes_of(arguments)
        rows = {label: _rows(found[label], axes, sizes) for label, axes in self.axes.items()}
        if len(sizes) > 1:
            grid = np.indices(sizes).reshape(len(sizes), -1)
            rows |= {_index(name): row for name, row in zip(self.sizes, grid, strict=True)}
        return rows

    def sizes_of(self, arguments: Arguments) -> tuple[int, ...]:
        """Sizes of the plates in arguments that may have another number of rows."""
        found = dict(zip(arguments.labels, arguments.leaves, strict=True))
        sizes = list(self.sizes.values())
        for label, axes in self.axes.items():
            for plate, axis in enumerate(axes):
                if axis is not None:
                    sizes[plate] = found[label].shape[axis]
        return tuple(sizes)

    def leaves(self, row: Mapping[str, Any]) -> list[Any]:
        """The leaves of a call for one row, its axes kept at size 1."""
        return [
            self._leaf(label, leaf, row)
            for label, leaf in zip(self.arguments.labels, self.arguments.leaves, strict=True)
        ]

    def _leaf(self, label: str, leaf: Any, row: Mapping[str, Any]) -> Any:
        if label not in self.axes:
            return leaf
        at = tuple(axis for axis in self.axes[label] if axis is not None)
        one = jnp.expand_dims(row[label], at)
        return Glimpse(one, leaf) if label in self.read else one

    def indices(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The index of a row in each of several plates."""
        return {name: row[_index(name)] for name in self.sizes if _index(name) in row}


def _index(plate: str) -> str:
    return f"index in plate {plate!r}"


def layouts(arguments: Arguments, sizes: Mapping[str, int]) -> Iterator[Layout]:
    """Layouts that the sizes of the arguments allow, the likeliest first.

    Args:
        arguments: The arguments of a call.
        sizes: Sizes of the plates of the data by name, outermost first.
    """
    choices = [
        _choices(leaf, tuple(sizes.values())) if isinstance(leaf, np.ndarray) else [None]
        for leaf in arguments.leaves
    ]
    ranked = itertools.product(*(range(len(c)) for c in choices))
    if math.prod(map(len, choices)) <= 10 * _MOST_TRIES:
        ranked = iter(sorted(ranked, key=sum))
    for pick in itertools.islice(ranked, _MOST_TRIES):
        chosen = [c[i] for c, i in zip(choices, pick, strict=True)]
        axes = {k: a for k, a in zip(arguments.labels, chosen, strict=True) if a is not None}
        if axes:
            yield Layout(arguments, axes, sizes)


def _choices(leaf: np.ndarray, sizes: tuple[int, ...]) -> list[Axes | None]:
    """Axes of a leaf along the plates: as many as possible, the first ones first; then none."""
    options = [
        [axis for axis in range(leaf.ndim) if leaf.shape[axis] == size] + [None] for size in sizes
    ]
    found: list[Axes] = [
        axes
        for axes in itertools.product(*options)
        if len(set(taken := [a for a in axes if a is not None])) == len(taken) > 0
    ]
    found.sort(key=lambda axes: axes.count(None))
    return [*found, None]


def _rows(leaf: np.ndarray, axes: Axes, sizes: tuple[int, ...]) -> np.ndarray:
    taken = [axis for axis in axes if axis is not None]
    moved = np.moveaxis(leaf, taken, range(len(taken)))
    rest = moved.shape[len(taken) :]
    kept = [1 if axis is None else size for axis, size in zip(axes, sizes, strict=True)]
    wide = np.broadcast_to(moved.reshape(*kept, *rest), (*sizes, *rest))
    return wide.reshape(-1, *rest)
