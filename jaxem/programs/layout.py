"""Layouts: which axes of which arguments run over the data.

A program does not declare that axis 0 of ``x`` runs along its plate ``data``; sizes only suggest
it. A layout is a candidate, to be checked by evaluating the program row by row (`trial`).

The steps of a scan are one more plate. Values that the scan carries and that do not depend on
hidden values, such as a count of the time, are taken as one more argument, the clock. A program
that samples the first state before its scan has one step more than the scan; arguments may have an
entry for it, or not.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.programs.anatomy import STEPS
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
        read: Labels of leaves whose values the program reads in Python; see `Glimpse`.
        clock: Of a chain, positions among the leaves that its scan carries, of those that do not
            depend on hidden values.
    """

    def __init__(
        self,
        arguments: Arguments,
        axes: Mapping[str, Axes],
        sizes: Mapping[str, int],
        read: frozenset[str] = frozenset(),
        clock: Sequence[int] = (),
    ):
        self.arguments, self.axes, self.sizes = arguments, dict(axes), dict(sizes)
        self.read, self.clock = read, tuple(clock)
        self._late = self._shorter(arguments)

    def readings(self) -> Iterator["Layout"]:
        """This layout with no leaf whose values the program reads, with one, with several."""
        several = (itertools.combinations(self.axes, count) for count in range(len(self.axes) + 1))
        for labels in itertools.islice(itertools.chain.from_iterable(several), _MOST_READINGS):
            yield Layout(self.arguments, self.axes, self.sizes, frozenset(labels), self.clock)

    def rows(self, arguments: Arguments) -> dict[str, np.ndarray]:
        """The rows of arguments by label, leaves (n, ...); in C order of several plates.

        With several plates, the index of a row in each plate is a leaf too.
        """
        found = leaves_with_carried(arguments, self.clock)
        sizes = self.sizes_of(arguments)
        rows = {}
        for label, axes in self.axes.items():
            leaf = self._with_first(label, found[label]) if STEPS in self.sizes else found[label]
            rows[label] = _rows(leaf, axes, sizes)
        plates = [name for name in self.sizes if name != STEPS]
        if len(plates) > 1:
            grid = np.indices(sizes).reshape(len(sizes), -1)
            rows |= {_index(name): row for name, row in zip(plates, grid, strict=False)}
        return rows

    def sizes_of(self, arguments: Arguments) -> tuple[int, ...]:
        """Sizes of the plates in arguments that may have another number of rows."""
        found = dict(zip(arguments.labels, arguments.leaves, strict=True))
        sizes = list(self.sizes.values())
        for label, axes in self.axes.items():
            for plate, axis in enumerate(axes):
                if axis is not None and label in found:
                    late = plate == len(axes) - 1 and label in self._late
                    sizes[plate] = found[label].shape[axis] + late
        return tuple(sizes)

    def _with_first(self, label: str, leaf: np.ndarray) -> np.ndarray:
        """A leaf with an entry for the first step; a copy of the next one if it has none."""
        axis, late = self.axes[label][-1], label in self._late
        carried = label in map(_carried, self.clock)  # the program itself has the initial value
        if axis is None or not (late or (carried and leaf.shape[axis] > 1)):
            return leaf
        later = leaf if late else np.delete(leaf, 0, axis)
        return np.concatenate([later.take([0], axis), later], axis)

    def _shorter(self, arguments: Arguments) -> frozenset[str]:
        """Labels of leaves that have no entry for the first step of a chain."""
        if STEPS not in self.sizes:
            return frozenset()
        found = leaves_with_carried(arguments, self.clock)
        return frozenset(
            label
            for label, axes in self.axes.items()
            if axes[-1] is not None and found[label].shape[axes[-1]] < self.sizes[STEPS]
        )

    def leaves(self, row: Mapping[str, Any]) -> list[Any]:
        """The leaves of a call for one row, its axes kept at size 1."""
        return [
            self._leaf(label, leaf, row)
            for label, leaf in zip(self.arguments.labels, self.arguments.leaves, strict=True)
        ]

    def _leaf(self, label: str, leaf: Any, row: Mapping[str, Any]) -> Any:
        if label not in self.axes:
            return leaf
        axes = self.axes[label]
        one = jnp.expand_dims(row[label], tuple(axis for axis in axes if axis is not None))
        if STEPS in self.sizes and axes[-1] is not None:
            # twice, as a program may take the first entry for itself, and scan the others
            one = jnp.repeat(one, 2, axis=axes[-1])
        return Glimpse(one, leaf) if label in self.read else one

    def clock_of(self, row: Mapping[str, Any]) -> dict[int, Any]:
        """The clock at the step of this row, by position."""
        return {position: row[_carried(position)] for position in self.clock}

    def indices(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The index of a row in each of several plates."""
        return {name: row[_index(name)] for name in self.sizes if _index(name) in row}


def _index(plate: str) -> str:
    return f"index in plate {plate!r}"


def _carried(position: int) -> str:
    return f"carried by the scan[{position}]"


def leaves_with_carried(arguments: Arguments, clock: Sequence[int]) -> dict[str, Any]:
    """The leaves of arguments by label, and the values carried by their scan at these positions."""
    found = dict(zip(arguments.labels, arguments.leaves, strict=True))
    return found | {_carried(place): np.asarray(arguments.carries[place]) for place in clock}


def layouts(
    arguments: Arguments, sizes: Mapping[str, int], clock: Sequence[int] = ()
) -> Iterator[Layout]:
    """Layouts that are consistent with the sizes of the arguments, the likeliest first.

    Args:
        arguments: The arguments of a call.
        sizes: Sizes of the plates of the data by name, outermost first, steps of a chain last.
        clock: See `Layout`.
    """
    found = leaves_with_carried(arguments, clock)
    fits = [{size, size - 1} if name == STEPS else {size} for name, size in sizes.items()]
    choices = [
        _choices(leaf, fits) if isinstance(leaf, np.ndarray) else [None] for leaf in found.values()
    ]
    ranked = itertools.product(*(range(len(c)) for c in choices))
    if math.prod(map(len, choices)) <= 10 * _MOST_TRIES:
        ranked = iter(sorted(ranked, key=sum))
    for pick in itertools.islice(ranked, _MOST_TRIES):
        chosen = [c[i] for c, i in zip(choices, pick, strict=True)]
        axes = {k: a for k, a in zip(found, chosen, strict=True) if a is not None}
        if axes:
            yield Layout(arguments, axes, sizes, clock=clock)


def _choices(leaf: np.ndarray, fits: list[set[int]]) -> list[Axes | None]:
    """Axes of a leaf along the plates: as many as possible, the first ones first; then none."""
    options = [
        [axis for axis in range(leaf.ndim) if leaf.shape[axis] in sizes] + [None] for sizes in fits
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
