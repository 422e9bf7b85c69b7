"""Conversion of data to NumPy arrays: from lists, data frames, masked arrays and any integers."""

import warnings
from typing import Any

import jax
import numpy as np

from jaxem.types import Data, DeclarationError

_warned = False

#: Integers beyond it are no longer exact in single precision.
_EXACT_IN_SINGLE = 2**24


def as_arrays(data: Any, name: str = "data") -> Data:
    """Data as NumPy arrays; each table, a data frame or a list of numbers, becomes one array.

    Args:
        data: An array, a data frame, or a pytree of these.
        name: Name of the data in error messages.

    Raises:
        DeclarationError: If a table has masked or missing entries, or cannot be read.
    """
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: as_array(leaf, name + jax.tree_util.keystr(path)), data, is_leaf=is_table
    )


def is_table(x: Any) -> bool:
    """Whether a container is one table: a data frame, or a (nested) list of numbers."""
    if hasattr(x, "to_numpy"):
        return True
    if isinstance(x, list | tuple) and not hasattr(x, "_fields"):
        return all(isinstance(v, list | tuple) or np.ndim(v) == 0 for v in x)
    return False


def as_array(leaf: Any, name: str = "data") -> np.ndarray:
    """A NumPy array of an array, a list of numbers or a data frame.

    Args:
        leaf: The table.
        name: Name of the table in error messages.

    Raises:
        DeclarationError: If an entry is masked or missing, or the table does not hold numbers.
    """
    columns = getattr(leaf, "columns", None)
    try:
        read = leaf.to_numpy() if hasattr(leaf, "to_numpy") else _without_masks(leaf)
        array = np.asanyarray(read)  # np.asarray would forget which entries are masked
    except ValueError as error:
        raise DeclarationError(f"{name} cannot be read as a table of numbers: {error}.") from None
    if isinstance(array, np.ma.MaskedArray):
        _refuse_holes(np.ma.getmaskarray(array), name, columns, "masked")
        array = array.data
    array = np.asarray(array)
    if array.dtype.kind == "O" and array.ndim:
        return _numbers(array, name, columns)
    return array


def in_flag_precision(leaf: np.ndarray) -> np.ndarray:
    """Floats and integers in the precision of JAX's 64-bit flag; booleans unchanged.

    JAX truncates integers that are too long for the flag, and arithmetic of short integers (a
    square of bytes) overflows: all integers become int64 or int32 by the flag, or floats if their
    values exceed its range.
    """
    if leaf.dtype.kind == "f":
        return leaf.astype(float_type())
    if leaf.dtype.kind in "iu":
        return leaf.astype(_integer_type() if _fits(leaf) else float_type())
    return leaf


def as_given(data: Data) -> Data:
    """Data for a direct evaluation: NumPy arrays in the flag's precision, other leaves unchanged.

    Raises:
        DeclarationError: If an array has masked entries.
    """

    def of_leaf(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray) or leaf.dtype.kind not in "iuf":
            return leaf
        return in_flag_precision(as_array(leaf))

    return jax.tree.map(of_leaf, data)


def float_type() -> Any:
    """NumPy's float type under JAX's 64-bit flag."""
    return np.float64 if jax.config.jax_enable_x64 else np.float32  # pyright: ignore


def warn_of_float32(data: Data) -> None:
    """Warn, once a process, that double precision is lost because JAX's 64-bit flag is off."""
    global _warned
    leaves = jax.tree.leaves(data)
    if float_type() is np.float64 or _warned:
        return
    long = [x for x in leaves if x.dtype.kind in "iu" and _largest(x) > _EXACT_IN_SINGLE]
    if not long and not any(leaf.dtype == np.float64 for leaf in leaves):
        return
    _warned = True
    what = "integers beyond 2**24" if long else "float64 data"
    warnings.warn(
        f"{what} are fitted in float32, because JAX's 64-bit flag is off. Objectives and "
        f"tolerances are coarser; jax.config.update('jax_enable_x64', True) at the start of the "
        f"program gives double precision.",
        stacklevel=5,
    )


def _integer_type() -> Any:
    return np.int64 if float_type() is np.float64 else np.int32


def _fits(leaf: np.ndarray) -> bool:
    """Whether all integers are in the range of the flag's integer type."""
    bounds = np.iinfo(_integer_type())
    return leaf.size == 0 or (int(leaf.min()) >= bounds.min and int(leaf.max()) <= bounds.max)


def _largest(leaf: np.ndarray) -> int:
    return max(abs(int(leaf.min())), abs(int(leaf.max()))) if leaf.size else 0


def _without_masks(leaf: Any) -> Any:
    """A list with None in place of ``numpy.ma.masked``; any other object unchanged."""
    if isinstance(leaf, list | tuple):
        return [_without_masks(v) for v in leaf]
    return None if leaf is np.ma.masked else leaf


def _numbers(array: np.ndarray, name: str, columns: Any) -> np.ndarray:
    """A table of Python objects as numbers; unchanged if some are not numbers."""
    holes = np.array([_is_missing(v) for v in array.ravel()], bool).reshape(array.shape)
    kinds = {type(v) for v in array[~holes].ravel()}
    if not all(issubclass(kind, int | float | np.number | np.bool_) for kind in kinds):
        return array
    _refuse_holes(holes, name, columns, "missing")
    return np.asarray(array.tolist())


def _is_missing(value: Any) -> bool:
    """Whether an object is a missing value: None, pandas' NA or NaT."""
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _refuse_holes(holes: np.ndarray, name: str, columns: Any, what: str) -> None:
    if not holes.any():
        return
    place, rows = name, len(holes)
    flat = holes.reshape(rows, -1)
    if holes.ndim > 1:
        column = int(flat.any(0).argmax())
        flat = flat[:, column]
        place = f"column {list(columns)[column] if columns is not None else column!r} of {name}"
    count, first = int(flat.sum()), int(flat.argmax())
    said = (
        f"{place} is {what} in {count} of {rows} rows (first in row {first}), and jaxem does not "
    )
    if name == "weights":
        raise DeclarationError(
            f"{said}guess what such a weight means. Leave these rows out, or give them weight 0, "
            f"which is the same."
        )
    raise DeclarationError(
        f"{said}guess what a {what} entry means. Leave these rows out; or fill them with any "
        f'ordinary number and add the mask to the data, {{"x": filled, "seen": ~mask}}, and in '
        f'log_joint leave unseen entries out: jnp.where(x["seen"], density, 0.0).'
    )
