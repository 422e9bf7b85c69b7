"""Indices that run past the end of an array.

JAX never complains of one: it reads the last entry instead. A parameter with fewer entries than
there are states then counts one state twice, and nothing looks wrong. `overruns` re-reads a traced
function and tells, beside its values, whether any index in it was out of range.
"""

from typing import Any

import jax.numpy as jnp
from jax.extend import core

from jaxem.numerics.rewrite import bind
from jaxem.types import Array


def overruns(closed: core.ClosedJaxpr, *args: Any) -> Array:
    """Whether some index is out of range when a program runs on these arguments.

    Args:
        closed: A traced function; the bodies of its loops and branches are not looked into.
        *args: Its flat arguments.

    Returns:
        A boolean scalar.
    """
    values: dict[Any, Any] = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    values.update(zip(closed.jaxpr.invars, args, strict=True))
    found = jnp.zeros((), bool)
    for eqn in closed.jaxpr.eqns:
        inputs = [v.val if isinstance(v, core.Literal) else values[v] for v in eqn.invars]
        if eqn.primitive.name in _CHECKS:
            found = found | _CHECKS[eqn.primitive.name](inputs, eqn.params)
        out = bind(eqn.primitive, inputs, eqn.params)
        outputs = out if eqn.primitive.multiple_results else [out]
        values.update(zip(eqn.outvars, outputs, strict=True))
    return found


def _slice_overruns(inputs: list[Any], params: dict[str, Any]) -> Array:
    operand, *starts = inputs
    room = [n - size for n, size in zip(jnp.shape(operand), params["slice_sizes"], strict=True)]
    outside = [(s < 0) | (s > r) for s, r in zip(starts, room, strict=False)]
    return jnp.any(jnp.stack([jnp.asarray(o) for o in outside])) if outside else jnp.zeros((), bool)


def _gather_overruns(inputs: list[Any], params: dict[str, Any]) -> Array:
    operand, indices = inputs
    axes = params["dimension_numbers"].start_index_map
    room = jnp.asarray([jnp.shape(operand)[a] - params["slice_sizes"][a] for a in axes])
    return jnp.any((indices < 0) | (indices > room.astype(indices.dtype)))


_CHECKS = {"dynamic_slice": _slice_overruns, "gather": _gather_overruns}
