"""Checking data: what a table must be before any model meets it."""

import warnings
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxem.model.model import Model
from jaxem.types import Data, DeclarationError

_warned = False


def prepare_data(data: Any, name_row: Callable[[int], str] = "row {}".format) -> Data:
    """Arrays from whatever the person gave, checked.

    Args:
        data: An array, a data frame, or a pytree of these, rows first.
        name_row: What to call a row in a complaint.

    Returns:
        The same pytree with NumPy leaves; floats in the flag's precision.

    Raises:
        DeclarationError: If there are no rows, text, NaN or infinity, or unequal numbers of rows.
    """
    data = jax.tree.map(as_array, data, is_leaf=is_table)
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
    _warn_of_float32([leaf for _, leaf in leaves])
    return jax.tree.map(in_flag_precision, data)


def prepare_weights(
    weights: Any, count: int, model: Model, lengths: np.ndarray | None = None
) -> np.ndarray:
    """Row weights, checked; ones if none are given.

    Args:
        weights: What the person gave.
        count: Rows, or sequences.
        model: The declared model.
        lengths: Steps of each sequence, where these are weighed.

    Raises:
        DeclarationError: If the shape is wrong, a weight is negative or not finite, or the total
            is below the number of latent states that have parameters of their own.
    """
    given, one = weights is not None, "row" if lengths is None else "sequence"
    try:
        out = np.ones(count) if not given else np.asarray(weights, float)
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
    return out.astype(_float_type())


def is_table(x: Any) -> bool:
    """A leaf that is one table although it is a container: a frame, or a list of numbers."""
    if hasattr(x, "to_numpy"):
        return True
    if isinstance(x, list | tuple) and not hasattr(x, "_fields"):
        return all(np.ndim(v) == 0 or isinstance(v, list | tuple) for v in x)
    return False


def as_array(leaf: Any) -> np.ndarray:
    """A NumPy array of an array, a list of numbers or a data frame."""
    try:
        return np.asarray(leaf.to_numpy() if hasattr(leaf, "to_numpy") else leaf)
    except ValueError as error:
        raise DeclarationError(f"data cannot be read as a table of numbers: {error}.") from None


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
        _complain_of_missing(label, leaf, name_row)


def _complain_of_missing(label: str, leaf: np.ndarray, name_row: Callable[[int], str]) -> None:
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


def _float_type() -> Any:
    return np.float64 if jax.config.jax_enable_x64 else np.float32  # pyright: ignore


def in_flag_precision(leaf: np.ndarray) -> np.ndarray:
    """Floats in the precision of JAX's flag; other types as they are."""
    return leaf.astype(_float_type()) if leaf.dtype.kind == "f" else leaf


def _warn_of_float32(leaves: list[np.ndarray]) -> None:
    """Once, when double precision is thrown away because of JAX's flag."""
    global _warned
    doubles = any(leaf.dtype == np.float64 for leaf in leaves)
    if not doubles or _float_type() is np.float64 or _warned:
        return
    _warned = True
    warnings.warn(
        "float64 data are fitted in float32, because JAX's 64-bit flag is off. Objectives and "
        "tolerances are coarser; jax.config.update('jax_enable_x64', True) at the start of the "
        "program gives double precision.",
        stacklevel=4,
    )
