"""Checks of data and weights that hold for every model: types, finiteness, equal row counts."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxem.model.arrays import as_array, as_arrays, float_type, in_flag_precision, warn_of_float32
from jaxem.model.model import Model
from jaxem.types import Data, DeclarationError


def prepare_data(data: Any, name_row: Callable[[int], str] = "row {}".format) -> Data:
    """The given data as checked NumPy arrays.

    Args:
        data: An array, a data frame, or a pytree of these, rows first.
        name_row: From the index of a row to its name in error messages.

    Returns:
        The same pytree with NumPy leaves, in the flag's precision.

    Raises:
        DeclarationError: If there are no rows, text, NaN or infinity, or unequal numbers of rows.
    """
    data = as_arrays(data)
    leaves = jax.tree_util.tree_leaves_with_path(data)
    if not leaves:
        raise DeclarationError("data is empty: give an array, or a dictionary of arrays.")
    for path, leaf in leaves:
        _check_leaf(_label(path), leaf, name_row)
    counts = {_label(path): leaf.shape[0] for path, leaf in leaves}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {n}" for name, n in counts.items())
        raise DeclarationError(f"all arrays in data need the same number of rows; {listed}.")
    if next(iter(counts.values())) == 0:
        raise DeclarationError("data has no rows.")
    warn_of_float32(data)
    return jax.tree.map(in_flag_precision, data)


def prepare_weights(
    weights: Any, count: int, model: Model, lengths: np.ndarray | None = None
) -> np.ndarray:
    """Row weights, checked; ones if none are given.

    Args:
        weights: The given weights, or None.
        count: Rows, or sequences.
        model: The declared model.
        lengths: Steps of each sequence, if the weights are those of sequences.

    Raises:
        DeclarationError: If the shape is wrong, a weight is negative or not finite, or the total
            is below the number of latent states that have parameters of their own.
    """
    given, one = weights is not None, "row" if lengths is None else "sequence"
    table = as_array(weights, "weights") if given else np.ones(count)
    try:
        out = table.astype(float)
    except (TypeError, ValueError):
        raise DeclarationError(f"weights must be numbers, one a {one}; got {weights!r}.") from None
    if out.shape != (count,):
        raise DeclarationError(f"weights has shape {out.shape}; expected ({count},), one a {one}.")
    if not np.all(np.isfinite(out)) or np.any(out < 0):
        bad = int(np.flatnonzero(~(np.isfinite(out) & (out >= 0)))[0])
        raise DeclarationError(
            f"weights must be finite and not negative; weights[{bad}] is {out[bad]}. "
            f"Use 0 to leave a {one} out."
        )
    if out.sum() == 0:
        raise DeclarationError("all weights are zero: there is nothing to fit.")
    states = model.latent.size
    total = out.sum() if lengths is None else (out * lengths).sum()
    if total < states and any(states in p.shape for p in model.free):
        plain = f"{count} rows" if lengths is None else f"{total:g} steps"
        what = f"a total weight of {total:g}" if given else plain
        raise DeclarationError(
            f"data has {what} for {states} latent states; fewer observations than states cannot "
            f"tell them apart. Use fewer states, or more data."
        )
    return out.astype(float_type())


def _label(path: Any) -> str:
    return "data" + jax.tree_util.keystr(path)


def _check_leaf(label: str, leaf: np.ndarray, name_row: Callable[[int], str]) -> None:
    if leaf.ndim == 0:
        raise DeclarationError(
            f"{label} is a single number; expected an array with one entry a row. A constant "
            f"belongs in the log joint itself."
        )
    if leaf.dtype.kind not in "biuf":
        raise DeclarationError(
            f"{label} holds {_kind_words(leaf)}, not numbers. Code categories as integers "
            f"0, 1, 2, ... (numpy.unique(column, return_inverse=True) does it)."
        )
    if leaf.dtype.kind == "f" and not np.all(np.isfinite(leaf)):
        _raise_not_finite(label, leaf, name_row)


def _raise_not_finite(label: str, leaf: np.ndarray, name_row: Callable[[int], str]) -> None:
    columns = ~np.isfinite(leaf.reshape(leaf.shape[0], -1)) if leaf.size else np.zeros((0, 0), bool)
    column = int(columns.any(0).argmax())
    count, first = int(columns[:, column].sum()), int(columns[:, column].argmax())
    where = f"column {column} of {label}" if leaf.ndim > 1 else label
    raise DeclarationError(
        f"{where} is NaN or infinite in {count} of {leaf.shape[0]} rows (first in "
        f"{name_row(first)}). Remove these rows, give them weight 0 and any number, or add a mask "
        f"to the data and leave the missing entries out of the log joint; steps of a sequence can "
        f"only be masked."
    )


def _kind_words(leaf: np.ndarray) -> str:
    words = {"U": "text", "S": "bytes", "O": "Python objects or text", "M": "dates", "c": "complex"}
    return words.get(leaf.dtype.kind, str(leaf.dtype))
