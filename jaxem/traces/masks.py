"""Replacement of gathers from small arrays by masked sums: ``sum(where(arange(L) == x, a, 0))``.

The derivative of ``a[x]`` is a scatter, which XLA's CPU backend runs as a serial loop over all
rows, and compiles as such. From a small array the masked sum is as fast, and its derivative is a
`where`, which XLA fuses with the operations around it. The value is bitwise the same, infinities
and NaN included.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.extend import core

from jaxem.traces.bounds import DATA, READS, Reads
from jaxem.traces.rewrite import outputs_of, rewrite
from jaxem.types import Array

#: Most entries summed for each one that is read; beyond, a scatter costs less.
_MOST = 32


def with_masks(closed: core.ClosedJaxpr, kinds: Sequence[int]) -> core.ClosedJaxpr:
    """The jaxpr with reads of small float arrays at an index as masked sums.

    Args:
        closed: A traced function, its calls inlined.
        kinds: The kind of each input, see `bounds`. Axes that states index are summed first, as
            that result is computed once for all rows.

    Returns:
        A traced function with the same inputs and outputs, equal in value everywhere. Bodies of
        functions with derivative rules of their own and of loops are unchanged.
    """
    reads = [eqn for eqn in closed.jaxpr.eqns if eqn.primitive.name in READS]
    found = zip(reads, Reads(closed, kinds).all, strict=True)
    axes = {id(eqn): read.axes for eqn, read in found}
    rules = {"gather": _gather, "dynamic_slice": _dynamic_slice}

    def rule(eqn: Any, *args: Any) -> list[Any]:
        indexed = axes.get(id(eqn), {})
        masked = rules[eqn.primitive.name](eqn, indexed, *args) if _pays(args[0], indexed) else None
        return outputs_of(eqn, args) if masked is None else [masked]

    return rewrite(closed, dict.fromkeys(READS, rule), lambda *_: False)


def _pays(operand: Array, indexed: Mapping[int, int]) -> bool:
    """Whether the array holds floats, and at most `_MOST` entries are summed for each one read.

    Args:
        operand: The array.
        indexed: The indexed axes with the kinds of their indices; axes are summed in turn.
    """
    if not indexed or not jnp.issubdtype(operand.dtype, jnp.floating):
        return False
    of_data = [operand.shape[axis] for axis, kind in indexed.items() if kind == DATA]
    of_states = [operand.shape[axis] for axis, kind in indexed.items() if kind != DATA]
    return all(
        sum(math.prod(lengths[place:]) for place in range(len(lengths))) <= _MOST
        for lengths in (of_states, of_data)
    )


def _dynamic_slice(
    eqn: Any, indexed: Mapping[int, int], operand: Array, *starts: Any
) -> Array | None:
    """`dynamic_slice` of length one along the indexed axes, as masked sums; indices are clipped."""
    shape, sizes = operand.shape, eqn.params["slice_sizes"]
    if any(sizes[axis] != 1 for axis in indexed):
        return None
    for axis in sorted(indexed, key=indexed.__getitem__):
        place = jnp.clip(starts[axis], 0, shape[axis] - 1)
        operand = jnp.expand_dims(_masked_sum(operand, place, axis), axis)
    return operand


def _gather(eqn: Any, indexed: Mapping[int, int], operand: Array, indices: Array) -> Array | None:
    """`gather` of single entries along the indexed axes, as masked sums; None if it is another."""
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    places = {axis: place for place, axis in enumerate(numbers.start_index_map)}
    axes, own = sorted(places, key=lambda axis: indexed.get(axis, 0)), numbers.operand_batching_dims
    kept = [axis for axis in range(operand.ndim) if axis not in (*axes, *own)]
    whole = all(sizes[axis] == operand.shape[axis] for axis in kept)
    if not whole or set(axes) != set(numbers.collapsed_slice_dims):
        return None
    # Axes of the batch first, those of the operand among them at their positions; then the others.
    batch = indices.shape[:-1]
    shared = dict(zip(numbers.start_indices_batching_dims, own, strict=True))
    order = [*(shared[place] for place in sorted(shared)), *axes, *kept]
    missing = [place for place in range(len(batch)) if place not in shared]
    table = jnp.expand_dims(jnp.transpose(operand, order), missing)
    fills = eqn.params["mode"] == lax.GatherScatterMode.FILL_OR_DROP
    checks = []
    for axis in axes:
        index, last = indices[..., places[axis]], operand.shape[axis] - 1
        checks += [index >= 0, index <= last]
        index = index if fills else jnp.clip(index, 0, last)
        aligned = jnp.expand_dims(index, range(len(batch), table.ndim - 1))
        table = _masked_sum(table, aligned, len(batch))
    if fills:
        fill = jnp.nan if eqn.params["fill_value"] is None else eqn.params["fill_value"]
        valid = functools.reduce(jnp.logical_and, checks)
        valid = jnp.expand_dims(valid, range(len(batch), table.ndim))
        table = jnp.where(valid, table, jnp.asarray(fill, table.dtype))
    rest = iter(range(len(batch)))
    onto = dict(zip(numbers.offset_dims, range(len(batch), table.ndim), strict=True))
    return jnp.transpose(table, [onto[p] if p in onto else next(rest) for p in range(table.ndim)])


def _masked_sum(table: Array, index: Any, axis: int) -> Array:
    """The entry along an axis at an index array of the shape of the other axes."""
    index = jnp.asarray(index)
    along = lax.iota(index.dtype, table.shape[axis])
    if index.ndim:
        index = jnp.expand_dims(index, axis)
    mask = along.reshape(-1, *[1] * (table.ndim - axis - 1)) == index
    return jnp.sum(jnp.where(mask, table, 0), axis)
