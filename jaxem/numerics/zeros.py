"""Logarithms whose derivative is zero at a structural zero.

A person may write ``jnp.log(table[z, x])`` with cells that are exactly zero. The value, -inf, is
right, and such a cell has no responsibility; but the chain rule multiplies that zero by the
infinite derivative of the logarithm and every gradient becomes NaN. `repair` re-reads a traced
function and puts in place of each ``log`` one whose tangent at zero is zero, wherever the
logarithm hides: in jit, in loops and branches, and in derivative rules that a library wrote for a
function of logarithms (``xlogy``). Rules for functions with a kink (``logaddexp``) exist to make
the derivative right at the kink, and are kept.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core

_KINKS = frozenset({"max", "min", "abs", "sign", "reduce_max", "reduce_min", "clamp"})
_CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"})


@jax.custom_jvp
def _log(x):
    return jnp.log(x)


@_log.defjvp
def _log_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    zero = x == 0
    return _log(x), jnp.where(zero, 0.0, dx / jnp.where(zero, 1.0, x))


@jax.custom_jvp
def _log1p(x):
    return jnp.log1p(x)


@_log1p.defjvp
def _log1p_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    zero = x == -1
    return _log1p(x), jnp.where(zero, 0.0, dx / jnp.where(zero, 1.0, 1.0 + x))


_REPAIRED = {"log": _log, "log1p": _log1p}


def repair(closed: core.ClosedJaxpr) -> core.ClosedJaxpr:
    """The same program, with logarithms that have a zero tangent at zero and no dead code.

    Args:
        closed: A traced function.

    Returns:
        A traced function with the same inputs and outputs, equal in value everywhere.
    """
    avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in closed.jaxpr.invars]
    return jax.make_jaxpr(lambda *args: _run(closed, args))(*avals)


def _run(closed: core.ClosedJaxpr, args) -> list[Any]:
    """Interpret a program, one equation at a time, skipping what nothing reads."""
    jaxpr = closed.jaxpr
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))

    def read(v):
        return v.val if isinstance(v, core.Literal) else values[v]

    for eqn in _live(jaxpr):
        outputs = _evaluate(eqn, [read(v) for v in eqn.invars])
        values.update(zip(eqn.outvars, outputs, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _live(jaxpr) -> list[Any]:
    """The equations that an output, or an effect, depends on."""
    needed = {v for v in jaxpr.outvars if not isinstance(v, core.Literal)}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or any(v in needed for v in eqn.outvars):
            kept.append(eqn)
            needed.update(v for v in eqn.invars if not isinstance(v, core.Literal))
    return kept[::-1]


def _evaluate(eqn, args) -> list[Any]:
    name, params = eqn.primitive.name, eqn.params
    if name in _REPAIRED:
        return [_REPAIRED[name](*args)]
    if name in _CALLS:
        return _run(_closed(params.get("jaxpr", params.get("call_jaxpr"))), args)
    if name == "custom_jvp_call" and _smooth_with_log(params["call_jaxpr"].jaxpr):
        return _run(params["call_jaxpr"], args)
    if not name.startswith("custom_"):
        params = {key: _repair_nested(value) for key, value in params.items()}
    out = bind(eqn.primitive, args, params)
    return list(out) if eqn.primitive.multiple_results else [out]


def _closed(jaxpr) -> core.ClosedJaxpr:
    return jaxpr if isinstance(jaxpr, core.ClosedJaxpr) else core.ClosedJaxpr(jaxpr, ())


def _repair_nested(value):
    """Repair the bodies of loops and branches, which are parameters of their equations."""
    if isinstance(value, core.ClosedJaxpr):
        return repair(value) if _mentions(value.jaxpr, _REPAIRED) else value
    if isinstance(value, tuple) and any(isinstance(v, core.ClosedJaxpr) for v in value):
        return tuple(_repair_nested(v) for v in value)
    return value


def bind(primitive, args, params):
    """Apply the primitive of an equation with its parameters."""
    bound = primitive.get_bind_params(params)
    if isinstance(bound, tuple):  # jax < 0.10 gives the sub-functions apart
        return primitive.bind(*bound[0], *args, **bound[1])
    return primitive.bind(*args, **bound)


def _smooth_with_log(jaxpr) -> bool:
    return _mentions(jaxpr, _REPAIRED) and not _mentions(jaxpr, _KINKS)


def _mentions(jaxpr, names) -> bool:
    """Whether a primitive of one of these names occurs, at any depth."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in names:
            return True
        for value in eqn.params.values():
            for inner in value if isinstance(value, tuple) else (value,):
                inner = inner.jaxpr if isinstance(inner, core.ClosedJaxpr) else inner
                if isinstance(inner, core.Jaxpr) and _mentions(inner, names):
                    return True
    return False
