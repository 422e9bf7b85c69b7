"""Comparing mixtures whose components carry no names: the labels of one are permuted to the other.

Both arguments are dictionaries of arrays; ``axes`` says which axis of an entry counts the
components. Entries that it does not name are shared by all components.
"""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np

Arrays = Mapping[str, Any]


def best_permutation(params: Arrays, reference: Arrays, axes: Mapping[str, int]) -> list[int]:
    """The order of the components of ``params`` that comes closest to ``reference``.

    Distances are relative to the spread of each entry of the reference, so that no entry
    decides by its unit alone.
    """
    name = next(iter(axes))
    size = np.shape(reference[name])[axes[name]]

    def distance(order: tuple[int, ...]) -> float:
        return sum(_distance(params[k], reference[k], axis, order) for k, axis in axes.items())

    return list(min(permutations(range(size)), key=distance))


def align(params: Arrays, reference: Arrays, axes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The entries of ``params`` that ``reference`` has, components in the reference's order."""
    order = best_permutation(params, reference, axes)
    return {
        name: np.take(np.asarray(params[name]), order, axis=axes[name])
        if name in axes
        else np.asarray(params[name])
        for name in reference
    }


def assert_same(params: Arrays, reference: Arrays, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Every entry of the reference is found in ``params``, under the same labels."""
    for name, expected in reference.items():
        np.testing.assert_allclose(params[name], expected, rtol=rtol, atol=atol, err_msg=name)


def assert_same_up_to_labels(
    params: Arrays,
    reference: Arrays,
    axes: Mapping[str, int],
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
) -> None:
    """Every entry of the reference is found in ``params``, under some order of the labels."""
    assert_same(align(params, reference, axes), reference, rtol=rtol, atol=atol)


def _distance(value: Any, reference: Any, axis: int, order: tuple[int, ...]) -> float:
    expected = np.asarray(reference, float)
    moved = np.take(np.asarray(value, float), order, axis=axis)
    return float(np.abs(moved - expected).sum() / (np.ptp(expected) + 1e-12))
