"""Scalar functions whose gradient is traced once for each shape, and cached as a jaxpr.

An optimiser evaluates the gradient of one function several times in its program, under `vmap` over
restarts, and differentiates the gradient. JAX would differentiate the function anew each time,
under every transformation in force. Here the gradient is a jaxpr of its own, without repeated
equations (`simplify`), which is evaluated instead.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.extend import core

from jaxem.traces.products import zero_product
from jaxem.traces.simplify import simplify
from jaxem.types import Array

#: Gradients in the cache of one function, those traced last.
_MOST = 64


class Slopes:
    """A scalar function of arrays by name and of other arguments, with cached gradients.

    Args:
        function: ``function(values, *others)``, a scalar.
    """

    def __init__(self, function: Callable[..., Array]):
        self._function = function
        self._gradients: dict[Any, core.ClosedJaxpr] = {}
        self._called = jax.custom_jvp(lambda values, others: function(values, *others))
        self._called.defjvp(self._push, symbolic_zeros=True)

    def __call__(self, values: Mapping[str, Any], *others: Any) -> Array:
        """The value; derivatives in the values evaluate the cached jaxpr."""
        return self._called(dict(values), others)

    def _push(self, primals: Any, tangents: Any) -> tuple[Array, Array]:
        (values, others), (moves, further) = primals, tangents
        moving = tuple(name for name in sorted(moves) if type(moves[name]) is not SymbolicZero)
        if any(type(leaf) is not SymbolicZero for leaf in jax.tree.leaves(further, is_leaf=_zero)):
            tangents = jax.tree.map(_filled, tangents, is_leaf=_zero)
            return jax.jvp(
                lambda values, others: self._function(values, *others), primals, tangents
            )
        value, *gradient = self._replayed(moving, values, others)
        along = [zero_product(g, moves[n]).sum() for g, n in zip(gradient, moving, strict=True)]
        return value, sum(along[1:], along[0])

    def _replayed(self, moving: tuple[str, ...], values: Any, others: Any) -> list[Array]:
        """Value, and gradient in some of the values, from the cached jaxpr."""
        leaves, tree = jax.tree.flatten((values, others))
        avals = tuple(jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x)) for x in leaves)
        kinds = tuple((aval.shape, aval.dtype) for aval in avals)
        x64 = jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
        key = moving, tree, kinds, x64
        if key not in self._gradients:

            def both(*leaves: Any) -> list[Array]:
                values, others = jax.tree.unflatten(tree, leaves)

                def of(some: Any) -> Array:
                    return self._function({**values, **some}, *others)

                value, gradient = jax.value_and_grad(of)({n: values[n] for n in moving})
                return [value, *(gradient[n] for n in moving)]

            for old in tuple(self._gradients)[: 1 - _MOST]:
                self._gradients.pop(old, None)
            self._gradients[key] = simplify(jax.make_jaxpr(both)(*avals))
        return core.jaxpr_as_fun(self._gradients[key])(*leaves)


def _zero(leaf: Any) -> bool:
    return type(leaf) is SymbolicZero


def _filled(tangent: Any) -> Any:
    """An array of zeros for a symbolic zero tangent; another tangent unchanged."""
    if type(tangent) is not SymbolicZero:
        return tangent
    aval: Any = tangent.aval
    return jnp.zeros(aval.shape, aval.dtype)
