"""Removal of axes of length one from the operands of a jaxpr's arithmetic.

A NumPyro program is evaluated one datum at a time, its plates cut to one element, so that its
arrays have axes of length one. XLA's loops over a last axis of length one, above all sums, run up
to four times slower than without it. `thin` removes such axes by reshapes around elementwise
operations, sums, products and broadcasts; no value changes.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.extend import core

from jaxem.traces.rewrite import bind, rewrite
from jaxem.types import Array

_ELEMENTWISE = (
    "abs add and asin atan atan2 ceil clamp convert_element_type cos cosh digamma div eq erf "
    "erf_inv erfc exp exp2 expm1 floor ge gt integer_pow is_finite le lgamma log log1p logistic lt "
    "max min mul ne neg nextafter not or pow rem round rsqrt select_n sign sin sinh sqrt square "
    "stop_gradient sub tan tanh xor"
).split()
_SUMS = ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or")


def thin(closed: core.ClosedJaxpr) -> core.ClosedJaxpr:
    """The jaxpr without axes of length one in its arithmetic.

    Args:
        closed: A traced function.

    Returns:
        A traced function with the same inputs and outputs, equal in value everywhere. Functions
        with derivative rules of their own are left as they are.
    """
    thinner = _Thinner()
    rules = dict.fromkeys(_ELEMENTWISE, thinner.elementwise)
    rules |= dict.fromkeys(_SUMS, thinner.sum)
    rules |= {"broadcast_in_dim": thinner.broadcast, "dot_general": thinner.product}
    return rewrite(closed, rules, lambda name, _: not name.startswith("custom_"))


class _Thinner:
    """The rewriting rules, and a cache of arrays without their axes of length one."""

    def __init__(self):
        self._thin: dict[int, tuple[Array, Array]] = {}

    def elementwise(self, eqn: Any, *args: Any) -> list[Any]:
        shape = eqn.outvars[0].aval.shape
        units = [axis for axis, size in enumerate(shape) if size == 1]
        return [self._full(bind(eqn.primitive, self._without(units, args), eqn.params), shape)]

    def sum(self, eqn: Any, operand: Array) -> list[Any]:
        units = [axis for axis, size in enumerate(operand.shape) if size == 1]
        axes = [axis for axis in eqn.params["axes"] if axis not in units]
        (squeezed,) = self._without(units, [operand])
        params = {**eqn.params, "axes": _places(axes, units)}
        found = bind(eqn.primitive, [squeezed], params) if axes else squeezed
        return [self._full(found, eqn.outvars[0].aval.shape)]

    def broadcast(self, eqn: Any, operand: Any, *sizes: Any) -> list[Any]:
        shape, onto = eqn.params["shape"], eqn.params["broadcast_dimensions"]
        units = [axis for axis, size in enumerate(shape) if size == 1]
        operand_units = [i for i, axis in enumerate(onto) if axis in units]
        (squeezed,) = self._without(operand_units, [operand])
        axes = _places([axis for axis in onto if axis not in units], units)
        kept = tuple(size for size in shape if size != 1)
        return [self._full(lax.broadcast_in_dim(squeezed, kept, axes), shape)]

    def product(self, eqn: Any, left: Array, right: Array) -> list[Any]:
        numbers = zip(*eqn.params["dimension_numbers"], strict=True)
        sides, lasting = [], []
        for array, (contracted, batch) in zip((left, right), numbers, strict=True):
            taken = (*contracted, *batch)
            units = [a for a, size in enumerate(array.shape) if size == 1 and a not in taken]
            sides += self._without(units, [array])
            lasting.append((_places(contracted, units), _places(batch, units)))
        params = {**eqn.params, "dimension_numbers": tuple(zip(*lasting, strict=True))}
        return [self._full(bind(eqn.primitive, sides, params), eqn.outvars[0].aval.shape)]

    def _without(self, units: Sequence[int], args: Sequence[Any]) -> list[Any]:
        """Arrays without these axes; scalars unchanged."""
        return [self._squeezed(a, units) if units and jnp.ndim(a) else a for a in args]

    def _squeezed(self, array: Array, units: Sequence[int]) -> Array:
        shape = [size for axis, size in enumerate(array.shape) if axis not in units]
        _, known = self._thin.get(id(array), (None, array))
        return known if known.shape == tuple(shape) else lax.reshape(array, shape)

    def _full(self, array: Array, shape: tuple[int, ...]) -> Array:
        if array.shape == shape:
            return array
        full = lax.reshape(array, shape)
        self._thin[id(full)] = full, array  # kept, so that no other array gets its id
        return full


def _places(axes: Sequence[int], removed: Sequence[int]) -> tuple[int, ...]:
    """Positions of axes after the removal of others."""
    return tuple(axis - sum(r < axis for r in removed) for axis in axes)
