"""Array objects that are one traced row for JAX, and the whole argument for NumPy.

A program may compute a size from its data: ``int(np.max(labels)) + 1`` classes. When it is traced
for one row, that row has no value yet. A `Glimpse` takes its place: NumPy's reductions are over all
rows, as when the program is run on all data, and arithmetic and JAX functions use the traced row.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class _Whole:
    """The whole argument; equal only to itself, so that it may stand in a compilation key."""

    def __init__(self, values: np.ndarray):
        self.values = values


class Glimpse(np.lib.mixins.NDArrayOperatorsMixin):
    """A traced row, with the argument from which it was taken.

    Args:
        row: The row, its axis kept at size 1.
        whole: The whole argument.
    """

    def __init__(self, row: Any, whole: np.ndarray | _Whole):
        self._row = row
        self._whole = whole if isinstance(whole, _Whole) else _Whole(whole)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the row."""
        return self._row.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._row.ndim

    @property
    def dtype(self) -> Any:
        """Type of the entries."""
        return self._row.dtype

    def max(self, *args: Any, **kwargs: Any) -> Any:
        """Largest entry of the whole argument."""
        return self._whole.values.max(*args, **kwargs)

    def min(self, *args: Any, **kwargs: Any) -> Any:
        """Smallest entry of the whole argument."""
        return self._whole.values.min(*args, **kwargs)

    def reshape(self, *shape: Any) -> Any:
        """The row in another shape."""
        return self._row.reshape(*shape)

    def astype(self, dtype: Any) -> Any:
        """The row with entries of another type."""
        return self._row.astype(dtype)

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, key: Any) -> Any:
        return self._row[key]

    def __jax_array__(self) -> Any:
        return self._row

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        return np.asarray(self._whole.values, *args, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return function(*jax.tree.map(_whole, args, is_leaf=_is_glimpse), **kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            return getattr(ufunc, method)(*map(_whole, inputs), **kwargs)
        return getattr(jnp, ufunc.__name__)(*map(_row, inputs), **kwargs)


def _is_glimpse(x: Any) -> bool:
    return isinstance(x, Glimpse)


def _whole(x: Any) -> Any:
    return x._whole.values if isinstance(x, Glimpse) else x


def _row(x: Any) -> Any:
    return x._row if isinstance(x, Glimpse) else x


# As a pytree it passes through the jit around JAX's own functions, which take no foreign objects.
jax.tree_util.register_pytree_node(
    Glimpse, lambda g: ((g._row,), g._whole), lambda whole, rows: Glimpse(rows[0], whole)
)
