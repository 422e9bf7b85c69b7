"""Future steps of unknown response, with responses of the data in its place."""

from collections.abc import Iterator, Mapping

import jax
import numpy as np

from jaxem.model.arrays import as_arrays
from jaxem.types import Data, DeclarationError

#: Responses that are tried in place of the unknown one.
_STAND_INS = 8


def lacks_leaves(data: Data, future: Data) -> bool:
    """Whether future steps are a dictionary without some entries of the data."""
    both = isinstance(data, Mapping) and isinstance(future, Mapping)
    return both and len(future) > 0 and set(future) < set(data)


def fill(data: Data, lengths: np.ndarray, future: Data) -> Iterator[Data]:
    """The last step of each sequence and the future steps, with responses of the data put in.

    Args:
        data: A dictionary of leaves (n, T, ...).
        lengths: Steps of each sequence, (n,).
        future: Some of its entries, leaves (n, k, ...).

    Yields:
        Dictionaries of leaves (n, 1 + k, ...), each with another response.
    """
    past = as_arrays(data)
    which = np.arange(len(lengths))
    ends = jax.tree.map(lambda leaf: leaf[which, lengths - 1][:, None], past)
    given = {name: past[name] for name in future}
    known, places = extend(given, lengths, future)
    coming = jax.tree.map(lambda leaf: leaf[which[:, None], places], known)
    absent = {name: leaf for name, leaf in past.items() if name not in future}
    for sequence, step in _different(absent, lengths):

        def of_one(leaf, sequence=sequence, step=step):
            return np.broadcast_to(leaf[sequence, step], (*places.shape, *leaf.shape[2:]))

        later = {**coming, **jax.tree.map(of_one, absent)}
        yield jax.tree.map(lambda a, b: np.concatenate([a, b], 1), ends, later)


def _different(leaves: Data, lengths: np.ndarray) -> list[tuple[int, int]]:
    """A few steps of the data that differ in these leaves, spread over their order."""
    steps = [(n, t) for n, length in enumerate(lengths) for t in range(length)]
    every = np.stack([[n for n, _ in steps], [t for _, t in steps]])
    flat = [leaf[tuple(every)].reshape(len(steps), -1) for leaf in jax.tree.leaves(leaves)]
    numbers = np.concatenate([part.astype(float) for part in flat], axis=1)
    _, first = np.unique(numbers, axis=0, return_index=True)
    middle_out = sorted(range(len(first)), key=lambda i: abs(i - (len(first) - 1) / 2))
    spread = middle_out[:: max(1, len(middle_out) // _STAND_INS)]
    return [steps[first[i]] for i in spread]


def extend(data: Data, lengths: np.ndarray, future: Data) -> tuple[Data, np.ndarray]:
    """Sequences with future steps appended at their ends, and the positions of these steps.

    Args:
        data: Leaves (n, T, ...).
        lengths: Steps of each sequence, (n,).
        future: Leaves (n, k, ...).

    Returns:
        Leaves (n, T + k, ...), and the positions (n, k) of the new steps on the time axis.

    Raises:
        DeclarationError: If the future steps do not have the form of the data.
    """
    past = as_arrays(data)
    coming = as_arrays(future, "future")
    leaves, form = jax.tree.flatten(past)
    added, other = jax.tree.flatten(coming)
    if form != other or any(
        a.ndim < 2 or (a.shape[0], *a.shape[2:]) != (b.shape[0], *b.shape[2:])
        for a, b in zip(added, leaves, strict=True)
    ):
        raise DeclarationError(
            f"future must have the form of the data but for the time axis: leaves (sequence, k, "
            f"...). The data have {_shapes(past)}, and future {_shapes(coming)}."
        )
    steps = {leaf.shape[1] for leaf in added}
    if len(steps) > 1 or steps == {0}:
        raise DeclarationError(
            f"the arrays of future have {sorted(steps)} steps; they need the same number, at least "
            f"1."
        )
    places = lengths[:, None] + np.arange(steps.pop())

    def put(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        shape = (len(old), old.shape[1] + new.shape[1], *old.shape[2:])
        out = np.zeros(shape, np.result_type(old, new))
        out[:, : old.shape[1]] = old
        out[np.arange(len(old))[:, None], places] = new
        return out

    return jax.tree.map(put, past, coming), places


def _shapes(data: Data) -> str:
    return str(jax.tree.map(np.shape, data))
