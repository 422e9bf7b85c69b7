"""Sequences of unequal length: as a padded rectangle, and as the list of steps that exist.

Data are given as rectangles, leaves (sequence, time, ...) with a length for each sequence. Models
are evaluated on steps, one row each, sequence after sequence; recursions run over a rectangle with
time first. `Sequences` converts between these forms.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxem.model.arrays import as_arrays
from jaxem.types import Data, DeclarationError


def sequences(parts: Sequence[Any]) -> tuple[Data, np.ndarray]:
    """Pad sequences of unequal length to a rectangle.

    Args:
        parts: A list with one entry a sequence: an array (time, ...), or a pytree of such.

    Returns:
        The data, leaves (sequence, longest time, ...), filled up with zeros; and the lengths (n,).
        Give both to `jaxem.fit`.

    Raises:
        DeclarationError: If there are no sequences, one is empty, or they do not match.
    """
    if isinstance(parts, dict | str) or not hasattr(parts, "__len__") or len(parts) == 0:
        raise DeclarationError(
            f"sequences takes a list with one array, or one dictionary of arrays, a sequence; got "
            f"{type(parts).__name__}{' with no entries' if hasattr(parts, '__len__') else ''}."
        )
    trees = [as_arrays(part, f"parts[{i}]") for i, part in enumerate(parts)]
    lengths = np.asarray([_length(i, tree, trees[0]) for i, tree in enumerate(trees)])

    def pad(*leaves: np.ndarray) -> np.ndarray:
        kind = np.result_type(*leaves)
        out = np.zeros((len(leaves), lengths.max(), *leaves[0].shape[1:]), kind)
        for row, leaf in zip(out, leaves, strict=True):
            row[: len(leaf)] = leaf
        return out

    return jax.tree.map(pad, *trees), lengths


def _length(index: int, tree: Data, first: Data) -> int:
    """The length of one sequence, checked to have the form of the first."""
    leaves, form = jax.tree.flatten(tree)
    known, wanted = jax.tree.flatten(first)
    if form != wanted or any(
        a.shape[1:] != b.shape[1:] for a, b in zip(leaves, known, strict=True)
    ):
        raise DeclarationError(
            f"sequence {index} differs from sequence 0 in its entries or their shapes; only the "
            f"first axis, time, may."
        )
    counts = {leaf.shape[0] if leaf.ndim else -1 for leaf in leaves}
    if len(counts) != 1 or -1 in counts:
        raise DeclarationError(
            f"the arrays of sequence {index} have {sorted(counts)} steps; they need the same "
            f"number, on their first axis."
        )
    if counts == {0}:
        raise DeclarationError(f"sequence {index} is empty; leave it out.")
    return counts.pop()


@dataclasses.dataclass(frozen=True, eq=False)
class Sequences:
    """Lengths of a batch of sequences, and the conversions between rectangle and steps.

    Attributes:
        lengths: Steps of each sequence, (n,), at least 1.
        horizon: Time axis of the rectangle, T.
    """

    lengths: np.ndarray
    horizon: int

    @property
    def count(self) -> int:
        """The number of sequences, n."""
        return len(self.lengths)

    @property
    def exists(self) -> np.ndarray:
        """Which cells of the rectangle hold a step, (n, T)."""
        return np.arange(self.horizon) < self.lengths[:, None]

    @property
    def starts(self) -> np.ndarray:
        """Which of all N steps begin a sequence, (N,)."""
        out = np.zeros(int(self.lengths.sum()), bool)
        out[np.cumsum(self.lengths) - self.lengths] = True
        return out

    def places(self) -> np.ndarray:
        """Index of the step at each cell of the rectangle, (n, T); past an end, of the start."""
        first = np.cumsum(self.lengths) - self.lengths
        return first[:, None] + np.where(self.exists, np.arange(self.horizon), 0)

    def unroll(self, data: Data) -> Data:
        """The steps of a rectangle, sequence after sequence; leaves (N, ...)."""
        return jax.tree.map(lambda leaf: leaf[self.exists], data)

    def rectangle(self, rows: Data) -> Data:
        """The inverse of `unroll`, leaves (n, T, ...); cells past an end repeat the start."""
        return jax.tree.map(lambda leaf: leaf[self.places()], rows)

    def name_step(self, index: int) -> str:
        """Sequence and step, in words, of an index among all steps."""
        ends = np.cumsum(self.lengths)
        sequence = int(np.searchsorted(ends, index, side="right"))
        step = index - int(ends[sequence] - self.lengths[sequence])
        return f"sequence {sequence}, step {step}"

    def spread(self, weights: np.ndarray) -> np.ndarray:
        """Numbers of sequences, (n,), repeated for each of their steps, (N,)."""
        return np.repeat(weights, self.lengths)

    def some(self, present: np.ndarray, most: int) -> "tuple[np.ndarray, Sequences]":
        """Indices of about `most` steps, and the sequences that they form.

        The sequences are chosen at random, and those of more steps truncated.

        Args:
            present: Which sequences may be chosen, (n,).
            most: Steps that are enough.
        """
        order = np.random.default_rng(0).permutation(np.flatnonzero(present))
        kept = np.sort(order[: 1 + int((np.cumsum(self.lengths[order]) <= most).sum())])
        lengths = np.minimum(self.lengths[kept], most)
        places = self.places()[kept]
        index = places[np.arange(self.horizon) < lengths[:, None]]
        return index, Sequences(lengths, int(lengths.max()))


def read_sequences(data: Data, lengths: Any) -> Sequences:
    """The sequences of a rectangle of arrays.

    Args:
        data: A pytree of NumPy arrays, leaves (n, T, ...).
        lengths: Steps of each sequence, (n,), or None if all have T.

    Raises:
        DeclarationError: If the leaves are no rectangle, or the lengths do not belong to it.
    """
    leaves = jax.tree_util.tree_leaves_with_path(data)
    if not leaves:
        raise DeclarationError("data is empty: give an array, or a dictionary of arrays.")
    for path, leaf in leaves:
        if leaf.ndim < 2:
            raise DeclarationError(
                f"data{jax.tree_util.keystr(path)} has shape {leaf.shape}; a chain takes leaves "
                f"(sequence, time, ...). For a single sequence give y[None]; for sequences of "
                f"unequal length use data, lengths = jaxem.sequences(list_of_arrays)."
            )
    shapes = {leaf.shape[:2] for _, leaf in leaves}
    if len(shapes) > 1:
        raise DeclarationError(
            f"all arrays in data need the same sequences and times on their first two axes; got "
            f"{sorted(shapes)}."
        )
    count, horizon = shapes.pop()
    if count == 0 or horizon == 0:
        raise DeclarationError(f"data has {count} sequences of {horizon} steps: nothing to fit.")
    if lengths is None:
        return Sequences(np.full(count, horizon), horizon)
    given = np.asarray(lengths)
    if given.shape != (count,) or given.dtype.kind not in "iu":
        raise DeclarationError(
            f"lengths must be integers (.astype(int)), one a sequence, of shape ({count},); got "
            f"{given.dtype} of shape {given.shape}."
        )
    wrong = np.flatnonzero((given < 1) | (given > horizon))
    if len(wrong):
        raise DeclarationError(
            f"lengths[{wrong[0]}] is {given[wrong[0]]}; expected 1 to {horizon}, the time axis of "
            f"the data. Leave empty sequences out."
        )
    return Sequences(given.astype(int), horizon)
