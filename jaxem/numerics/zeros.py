"""Logarithms whose derivative is zero at a structural zero.

A person may write ``jnp.log(table[z, x])`` with cells that are exactly zero. The value, -inf, is
right, and such a cell has no responsibility; but the chain rule multiplies that zero by the
infinite derivative of the logarithm and every gradient becomes NaN. `repair` re-reads a traced
function and puts in place of each ``log`` one whose tangent at zero is zero, wherever the
logarithm hides: in jit, in loops and branches, and in derivative rules that a library wrote for a
function of logarithms (``xlogy``). Rules for functions with a kink (``logaddexp``) exist to make
the derivative right at the kink, and are kept.
"""

import jax
import jax.numpy as jnp
from jax.extend import core

from jaxem.numerics.rewrite import mentions, rewrite

_KINKS = frozenset({"max", "min", "abs", "sign", "reduce_max", "reduce_min", "clamp"})


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


_RULES = {"log": lambda _, x: [_log(x)], "log1p": lambda _, x: [_log1p(x)]}


def repair(closed: core.ClosedJaxpr) -> core.ClosedJaxpr:
    """The same program, with logarithms that have a zero tangent at zero and no dead code.

    Args:
        closed: A traced function.

    Returns:
        A traced function with the same inputs and outputs, equal in value everywhere.
    """
    return rewrite(closed, _RULES, _opens)


def _opens(name: str, jaxpr: core.Jaxpr) -> bool:
    """Every call, and every derivative rule of a function without a kink."""
    if name.startswith("custom_"):
        return name == "custom_jvp_call" and not mentions(jaxpr, _KINKS)
    return True
