r"""The product in which zero times anything is zero, :math:`0 \cdot \infty = 0`.

It is the product of measure theory. In the chain rule, a responsibility of zero, or a branch that
``jnp.where`` does not select, multiplies by exactly zero a derivative that may be infinite or NaN
(of a logarithm at zero, of a density outside its support). With this product the result is zero,
to every order, in forward and in reverse mode.
"""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.extend import core
from jax.interpreters import ad, batching, mlir

from jaxem.types import Array

_product_p = core.Primitive("zero_product")


def zero_product(a: Array, b: Array) -> Array:
    """Elementwise product of two arrays; zero wherever one of them is zero."""
    return _product_p.bind(*of_one_shape(a, b))


def of_one_shape(*arrays: Any) -> Any:
    """Arrays broadcast against one another; arrays of one shape unchanged, without an equation."""
    first = jnp.shape(arrays[0])
    if all(jnp.shape(array) == first for array in arrays[1:]):
        return arrays
    return jnp.broadcast_arrays(*arrays)


def batch_elementwise(primitive: core.Primitive) -> None:
    """Register the batching rule of a primitive on arrays of one shape."""

    def rule(args, axes, **params):
        size = next(x.shape[axis] for x, axis in zip(args, axes, strict=True) if axis is not None)
        front = [_in_front(x, axis, size) for x, axis in zip(args, axes, strict=True)]
        return primitive.bind(*front, **params), 0

    batching.primitive_batchers[primitive] = rule


def _in_front(x: Any, axis: int | None, size: int) -> Any:
    """An operand with the axis of its batch first."""
    if axis is None:
        return lax.broadcast(x, (size,))
    return x if axis == 0 else jnp.moveaxis(x, axis, 0)


def _evaluate(a, b):
    return jnp.where((a == 0) | (b == 0), jnp.zeros_like(a), a * b)


def _transpose(cotangent, a, b):
    if ad.is_undefined_primal(a):
        return (zero_product(cotangent, b) if type(cotangent) is not ad.Zero else None), None
    return None, (zero_product(a, cotangent) if type(cotangent) is not ad.Zero else None)


def _push(primals, tangents):
    (a, b), (da, db) = primals, tangents
    out = zero_product(a, b)
    terms = []
    if type(da) is not ad.Zero:
        terms.append(zero_product(da, b))
    if type(db) is not ad.Zero:
        terms.append(zero_product(a, db))
    if not terms:
        return out, ad.Zero.from_primal_value(out)  # pyright: ignore[reportAttributeAccessIssue]
    return out, terms[0] if len(terms) == 1 else terms[0] + terms[1]


_product_p.def_impl(lambda a, b: _evaluate(a, b))
_product_p.def_abstract_eval(lambda a, b: a)
ad.primitive_jvps[_product_p] = _push
ad.primitive_transposes[_product_p] = _transpose
batch_elementwise(_product_p)
mlir.register_lowering(_product_p, mlir.lower_fun(_evaluate, multiple_results=False))
