r"""Monte Carlo arithmetic: a function with random rounding, to measure its rounding error.

Each arithmetic result is multiplied by :math:`1 \pm \epsilon`, the sign at random, as if it had
been rounded the other way. Where digits cancel (a difference of two cumulative probabilities that
are both 1 to the last place) the difference has the error of the operands, and repeated
evaluations differ by the size of the result. Exact operations are unchanged.

    D. S. Parker (1997), Monte Carlo arithmetic; J. Vignes (2004), Discrete stochastic arithmetic.
"""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core

from jaxem.traces.rewrite import (
    OWN_RULES,
    Rewriter,
    Rule,
    called,
    name_of,
    outputs_of,
    programs_of,
)
from jaxem.types import Array

_ROUNDED = (
    "add add_any sub mul div exp exp2 expm1 log log1p pow integer_pow sqrt rsqrt cbrt square tanh "
    "logistic sin cos tan atan2 erf erfc erf_inv lgamma digamma polygamma igamma igammac "
    "regularized_incomplete_beta bessel_i0e bessel_i1e dot_general reduce_sum cumsum cumlogsumexp "
    "cumprod reduce_prod"
).split()

#: Primitives whose output has the relative error of an operand that is a difference.
_CARRY = frozenset(
    (
        "mul div neg abs max min select_n broadcast_in_dim reshape squeeze transpose copy "
        "convert_element_type sqrt square integer_pow clamp concatenate slice gather "
        "stop_gradient expand_dims reduce_max reduce_min reduce_sum rev"
    ).split()
)
_CALLS = ("pjit", "jit", "closed_call", "custom_jvp_call", "custom_vjp_call")


def with_random_rounding(function: Callable[..., Array], eps: float) -> Callable[..., Array]:
    """The function with random rounding; its first argument is the seed.

    Args:
        function: A function of pytrees that returns one array.
        eps: The unit of rounding.
    """

    def evaluate(seed: Array, *args: Any) -> Array:
        closed = jax.make_jaxpr(function)(*args)
        return _Rounding(seed, eps).run(closed, jax.tree.leaves(args))[0]

    return evaluate


class _Rounding(Rewriter):
    """Interpreter that perturbs every result; of loops and solvers the outputs only."""

    def __init__(self, seed: Array, eps: float):
        rules: dict[str, Rule] = {name: self._rounded for name in (*_ROUNDED, "careful")}
        super().__init__(rules, lambda *_: True)
        self._seed, self._eps, self._count = seed, eps, itertools.count()

    def inside(self, eqn: Any, args: Any) -> list[Any]:
        """See `Rewriter`; the body of a loop cannot depend on the seed, and is unchanged."""
        is_call = called(eqn) is not None or eqn.primitive.name.startswith(OWN_RULES)
        if is_call or not programs_of(eqn):
            return super().inside(eqn, args)
        return self._perturb(outputs_of(eqn, args))

    def _rounded(self, eqn: Any, *inputs: Array) -> list[Array]:
        leaves = outputs_of(eqn, inputs)
        return leaves if name_of(eqn) not in _ROUNDED else self._perturb(leaves)

    def _perturb(self, leaves: list[Array]) -> list[Array]:
        return [_perturbed(leaf, self._seed, next(self._count), self._eps) for leaf in leaves]


def _perturbed(leaf: Array, seed: Array, number: int, eps: float) -> Array:
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
        return leaf
    position = jnp.arange(leaf.size, dtype=jnp.uint32).reshape(leaf.shape)
    bits = (position + jnp.uint32(7919 * number % 2**32)) * jnp.uint32(2654435761)
    bits = (bits ^ (seed.astype(jnp.uint32) * jnp.uint32(40503)) ^ (bits >> 15)) * jnp.uint32(
        2246822519
    )
    sign = jnp.where((bits >> 16) & 1, 1.0, -1.0).astype(leaf.dtype)
    return leaf * (1 + jnp.asarray(eps, leaf.dtype) * sign)


def may_cancel(jaxpr: Any) -> bool:
    """Whether a jaxpr takes the logarithm of a difference, or divides by a difference.

    Otherwise the error of a difference is not amplified, and stays that of its operands' rounding.
    """
    return _cancels(jaxpr, [False] * len(jaxpr.invars))[0]


def _cancels(jaxpr: Any, inputs: list[bool]) -> tuple[bool, list[bool]]:
    """`may_cancel`, and which outputs have the relative error of a difference."""
    carried = {v for v, carries in zip(jaxpr.invars, inputs, strict=True) if carries}

    def carries(v: Any) -> bool:
        return not isinstance(v, core.Literal) and v in carried

    for eqn in jaxpr.eqns:
        name, given = name_of(eqn), [carries(v) for v in eqn.invars]
        if (name in ("log", "rsqrt") and given[0]) or (name == "div" and given[1]):
            return True, []
        inner = next((v for v in eqn.params.values() if isinstance(v, core.ClosedJaxpr)), None)
        if name in _CALLS and inner is not None and len(inner.jaxpr.invars) == len(given):
            found, outputs = _cancels(inner.jaxpr, given)
            if found:
                return True, []
            carried |= {v for v, c in zip(eqn.outvars, outputs, strict=True) if c}
        elif name in ("sub", "add") or (name in _CARRY and any(given)):
            if name != "add" or any(given):
                carried |= set(eqn.outvars)
    return False, [carries(v) for v in jaxpr.outvars]
