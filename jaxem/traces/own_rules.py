"""Zero-product derivatives of equations that are not elementwise: custom rules, loops, products.

A function with ``jax.custom_jvp`` keeps its rule, with the products of the rule as zero products.
One with ``jax.custom_vjp`` returns zero for a cotangent of zero. A ``while`` loop, which JAX
differentiates in forward mode only, gets its forward-mode Jacobian as its rule, and can then be
differentiated in both modes. In the derivative of a matrix product, infinite entries of the other
operand count as zero.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from jaxem.traces.careful import RULES, chain_rule, opens_calls
from jaxem.traces.products import zero_product
from jaxem.traces.rewrite import Rewriter, bind, outputs_of, program_of


def _is_float(value: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(value), jnp.floating))


def _moving(tangents) -> list[int]:
    return [i for i, t in enumerate(tangents) if not isinstance(t, SymbolicZero)]


def _zero_tangent(value: Any) -> Any:
    """A tangent of zeros for a value: of its float type, or float0."""
    kind = jnp.result_type(value) if _is_float(value) else jax.dtypes.float0
    return np.zeros(jnp.shape(value), kind) if not _is_float(value) else jnp.zeros_like(value)


def with_jvp(eqn, *args) -> list[Any]:
    """A function with `jax.custom_jvp`: its rule, with products as zero products."""
    body = program_of(eqn.params)
    if not all(_is_float(v.aval) for v in body.jaxpr.outvars):
        return outputs_of(eqn, args)

    floats = [i for i, x in enumerate(args) if _is_float(x)]

    def push(xs, moves):
        def of_floats(*some):
            operands = list(xs)
            for i, value in zip(floats, some, strict=True):
                operands[i] = value
            return outputs_of(eqn, operands)

        return jax.jvp(of_floats, [xs[i] for i in floats], list(moves))

    if len(floats) < len(args) and not _takes_integers(push, args, floats):
        return Rewriter(RULES, opens_calls).run(body, args)

    @jax.custom_jvp
    def function(*xs):
        return Rewriter(RULES, opens_calls).run(body, xs)

    def rule(primals, tangents):
        moves = [tangents[i] for i in floats]
        program = jax.make_jaxpr(push)(list(primals), moves)
        found = chain_rule(program, list(primals), moves)
        half = len(found) // 2
        return found[:half], found[half:]

    function.defjvp(rule)
    return function(*args)


def _takes_integers(push, args, floats) -> bool:
    """Whether the rule of a function can be used where some operands are integers.

    A rule may multiply the tangent of an integer, which JAX refuses: that of ``xlogy`` does. Such a
    function is differentiated through its body instead.
    """
    avals = [jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x)) for x in args]
    try:
        jax.eval_shape(push, avals, [avals[i] for i in floats])
    except TypeError:
        return False
    return True


def with_vjp(eqn, *args) -> list[Any]:
    """A function with `jax.custom_vjp`: its rule, with result zero if all cotangents are zero."""

    @jax.custom_vjp
    def function(*xs):
        return outputs_of(eqn, xs)

    def pull(back, cotangents):
        nonzero = jnp.any(jnp.stack([jnp.any(c != 0) for c in cotangents]))
        return tuple(
            x if x is None or x.dtype == jax.dtypes.float0 else jnp.where(nonzero, x, 0)
            for x in back(cotangents)
        )

    function.defvjp(lambda *xs: jax.vjp(lambda *ys: outputs_of(eqn, ys), *xs), pull)
    return function(*args)


def with_jacobian(eqn, *args) -> list[Any]:
    """A ``while`` loop, with its forward-mode Jacobian as its derivative rule."""

    @jax.custom_jvp
    def function(*xs):
        return Rewriter(RULES, opens_calls).inside(eqn, xs)

    def rule(primals, tangents):
        moving = _moving(tangents)
        inside = Rewriter(RULES, opens_calls).inside
        sizes = [int(np.prod(jnp.shape(primals[i]))) for i in moving]

        def push(direction):
            moves: list[Any] = [_zero_tangent(x) for x in primals]
            for i, piece in zip(moving, jnp.split(direction, np.cumsum(sizes)[:-1]), strict=True):
                moves[i] = piece.reshape(jnp.shape(primals[i])).astype(primals[i].dtype)
            return jax.jvp(lambda *xs: inside(eqn, xs), list(primals), moves)[1]

        out = inside(eqn, primals)
        if not moving:
            return out, [_zero_tangent(x) for x in out]
        columns = jax.vmap(push)(jnp.eye(sum(sizes), dtype=primals[moving[0]].dtype))
        along = jnp.concatenate([jnp.ravel(tangents[i]) for i in moving])

        def change(value, column):
            if not _is_float(value):
                return _zero_tangent(value)
            return zero_product(column, along.reshape(-1, *[1] * jnp.ndim(value))).sum(0)

        return out, [change(value, column) for value, column in zip(out, columns, strict=True)]

    function.defjvp(rule, symbolic_zeros=True)
    return function(*args)


def product(eqn, *args) -> list[Any]:
    """A matrix product, in whose derivative infinite entries of the operands count as zero."""
    if not _is_float(eqn.outvars[0].aval):
        return outputs_of(eqn, args)

    @jax.custom_jvp
    def function(a, b):
        return bind(eqn.primitive, (a, b), eqn.params)

    def rule(primals, tangents):
        a, b = primals
        da, db = tangents
        out, change = function(a, b), None
        for moves, pair in ((da, lambda: (da, _finite(b))), (db, lambda: (_finite(a), db))):
            if not isinstance(moves, SymbolicZero):
                more = bind(eqn.primitive, pair(), eqn.params)
                change = more if change is None else change + more
        return out, _zero_tangent(out) if change is None else change

    function.defjvp(rule, symbolic_zeros=True)
    return [function(*args)]


def _finite(x):
    return jnp.where(jnp.isfinite(x), x, jnp.zeros_like(x)) if _is_float(x) else x


RULES.update(
    custom_jvp_call=with_jvp,
    custom_vjp_call=with_vjp,
    dot_general=product,
    **{"while": with_jacobian},
)
