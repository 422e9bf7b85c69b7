"""Entries of small tables, picked by a mask and a sum.

``table[x]`` has a derivative that adds to one entry of the table: a scatter, which XLA's CPU
backend runs as a loop over all rows, one after another, and compiles as one, too. A small table is
as fast read by ``sum(where(arange(L) == x, table, 0))``, whose derivative is a `where` and fuses
with what is around it. The value is the same to the last bit, infinities and NaN included.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.extend import core

from jaxem.numerics.rewrite import OWN_RULES, outputs_of, rewrite
from jaxem.types import Array

#: Longest axis of a table that is read so; beyond, a scatter costs less than the sum.
_LONGEST = 32


def with_masks(closed: core.ClosedJaxpr) -> core.ClosedJaxpr:
    """The same program, its reads of small arrays of floats at an index replaced.

    Args:
        closed: A traced function.

    Returns:
        A traced function with the same inputs and outputs, equal in value everywhere. Functions
        with derivative rules of their own are left as they are.
    """
    rules = {"gather": _gather, "dynamic_slice": _dynamic_slice}
    return rewrite(closed, rules, lambda name, _: not name.startswith(OWN_RULES))


def _dynamic_slice(eqn: Any, operand: Array, *starts: Any) -> list[Any]:
    """One entry of some axes, all of the others; an index out of range reads the nearest entry."""
    shape, sizes = operand.shape, eqn.params["slice_sizes"]
    axes = [a for a, (of, size) in enumerate(zip(shape, sizes, strict=True)) if size != of]
    if not _is_small(operand, axes) or any(sizes[a] != 1 for a in axes):
        return outputs_of(eqn, (operand, *starts))
    for axis in axes:
        place = jnp.clip(starts[axis], 0, shape[axis] - 1)
        operand = jnp.expand_dims(_pick(operand, place, axis), axis)
    return [operand]


def _gather(eqn: Any, operand: Array, indices: Array) -> list[Any]:
    """Single entries of some axes, all of the others, for a batch of indices."""
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    axes, own = numbers.start_index_map, numbers.operand_batching_dims
    single = (*axes, *own)
    kept = [axis for axis in range(operand.ndim) if axis not in single]
    whole = all(sizes[axis] == operand.shape[axis] for axis in kept)
    dropped = set(axes) == set(numbers.collapsed_slice_dims)
    if not whole or not dropped or not _is_small(operand, axes):
        return outputs_of(eqn, (operand, indices))
    # Axes of the batch first, those that the operand has too in their places; then the others.
    batch = indices.shape[:-1]
    shared = dict(zip(numbers.start_indices_batching_dims, own, strict=True))
    order = [*(shared[place] for place in sorted(shared)), *axes, *kept]
    missing = [place for place in range(len(batch)) if place not in shared]
    table = jnp.expand_dims(jnp.transpose(operand, order), missing)
    fills = eqn.params["mode"] == lax.GatherScatterMode.FILL_OR_DROP
    checks = []
    for place, axis in enumerate(axes):
        index, last = indices[..., place], operand.shape[axis] - 1
        checks += [index >= 0, index <= last]
        index = index if fills else jnp.clip(index, 0, last)
        apart = jnp.expand_dims(index, range(len(batch), table.ndim - 1))
        table = _pick(table, apart, len(batch))
    if fills:
        fill = jnp.nan if eqn.params["fill_value"] is None else eqn.params["fill_value"]
        inside = jnp.expand_dims(
            functools.reduce(jnp.logical_and, checks), range(len(batch), table.ndim)
        )
        table = jnp.where(inside, table, jnp.asarray(fill, table.dtype))
    rest = iter(range(len(batch)))
    onto = dict(zip(numbers.offset_dims, range(len(batch), table.ndim), strict=True))
    return [jnp.transpose(table, [onto[p] if p in onto else next(rest) for p in range(table.ndim)])]


def _is_small(operand: Array, axes: Sequence[int]) -> bool:
    """Whether the indexed axes are short, and entries can be added."""
    short = all(operand.shape[axis] <= _LONGEST for axis in axes)
    return bool(axes) and short and jnp.issubdtype(operand.dtype, jnp.floating)


def _pick(table: Array, index: Any, axis: int) -> Array:
    """The entry of an axis at an index of the shape of the others, which is then left out."""
    index = jnp.asarray(index)
    along = lax.iota(index.dtype, table.shape[axis])
    if index.ndim:
        index = jnp.expand_dims(index, axis)
    mask = along.reshape(-1, *[1] * (table.ndim - axis - 1)) == index
    return jnp.sum(jnp.where(mask, table, 0), axis)
