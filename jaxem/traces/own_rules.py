"""Equations whose derivative is not elementwise: functions with their own rules, loops, products.

A function with a derivative rule of its own (``jax.custom_jvp``, which a library or a person wrote)
keeps it; the products in the rule become zero products. Of one with ``jax.custom_vjp`` the answer
to a cotangent of zero is zero. A ``while`` loop, which JAX differentiates in forward mode alone,
gets its Jacobian, made in forward mode, as its rule, and so can be differentiated in both. An
infinite entry of an operand of a matrix product has derivative zero.
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


def _still(value: Any) -> Any:
    """The tangent of what does not move."""
    kind = jnp.result_type(value) if _is_float(value) else jax.dtypes.float0
    return np.zeros(jnp.shape(value), kind) if not _is_float(value) else jnp.zeros_like(value)


def with_jvp(eqn, *args) -> list[Any]:
    """A function with `jax.custom_jvp`, its rule kept and its products made zero products."""
    body = program_of(eqn.params)
    if not all(_is_float(v.aval) for v in body.jaxpr.outvars):
        return outputs_of(eqn, args)

    floats = [i for i, x in enumerate(args) if _is_float(x)]

    def push(xs, moves):
        def of_floats(*some):
            here = list(xs)
            for i, value in zip(floats, some, strict=True):
                here[i] = value
            return outputs_of(eqn, here)

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

    A rule may multiply the tangent of an integer, which JAX refuses: that of ``xlogy`` does. The
    derivative of such a function is that of what it computes.
    """
    avals = [jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x)) for x in args]
    try:
        jax.eval_shape(push, avals, [avals[i] for i in floats])
    except TypeError:
        return False
    return True


def with_vjp(eqn, *args) -> list[Any]:
    """A function with `jax.custom_vjp`, whose answer to a cotangent of zero is zero."""

    @jax.custom_vjp
    def function(*xs):
        return outputs_of(eqn, xs)

    def pull(back, cotangents):
        asked = jnp.any(jnp.stack([jnp.any(c != 0) for c in cotangents]))
        return tuple(
            x if x is None or x.dtype == jax.dtypes.float0 else jnp.where(asked, x, 0)
            for x in back(cotangents)
        )

    function.defvjp(lambda *xs: jax.vjp(lambda *ys: outputs_of(eqn, ys), *xs), pull)
    return function(*args)


def with_jacobian(eqn, *args) -> list[Any]:
    """A loop of unknown length, with its Jacobian as its derivative."""

    @jax.custom_jvp
    def function(*xs):
        return Rewriter(RULES, opens_calls).inside(eqn, xs)

    def rule(primals, tangents):
        moving = _moving(tangents)
        inside = Rewriter(RULES, opens_calls).inside
        sizes = [int(np.prod(jnp.shape(primals[i]))) for i in moving]

        def push(direction):
            moves: list[Any] = [_still(x) for x in primals]
            for i, piece in zip(moving, jnp.split(direction, np.cumsum(sizes)[:-1]), strict=True):
                moves[i] = piece.reshape(jnp.shape(primals[i])).astype(primals[i].dtype)
            return jax.jvp(lambda *xs: inside(eqn, xs), list(primals), moves)[1]

        out = inside(eqn, primals)
        if not moving:
            return out, [_still(x) for x in out]
        columns = jax.vmap(push)(jnp.eye(sum(sizes), dtype=primals[moving[0]].dtype))
        along = jnp.concatenate([jnp.ravel(tangents[i]) for i in moving])

        def change(value, column):
            if not _is_float(value):
                return _still(value)
            return zero_product(column, along.reshape(-1, *[1] * jnp.ndim(value))).sum(0)

        return out, [change(value, column) for value, column in zip(out, columns, strict=True)]

    function.defjvp(rule, symbolic_zeros=True)
    return function(*args)


def product(eqn, *args) -> list[Any]:
    """A matrix product, in whose derivative infinite entries of the operands count nothing."""
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
        return out, _still(out) if change is None else change

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
