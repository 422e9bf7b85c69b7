r"""Replacement of LAPACK calls (Cholesky, LU, triangular solve) by array code, before compilation.

XLA's CPU backend runs a batched factorisation or triangular solve as one call of LAPACK, which
waits, inside a worker of XLA's thread pool, for other workers: enough of them at once deadlock,
and a pool large enough to avoid it slows matrix products. The matrices of mixture models are small
and many, and for those a loop over columns, batched over matrices, is as fast. `plain` rewrites
the jaxpr just before it is compiled, after all derivatives have been taken.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core

from jaxem.numerics.factorise import cholesky, lu, solve_lower
from jaxem.traces.rewrite import Rewriter, mentions
from jaxem.types import Array


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without LAPACK calls, to be compiled and not differentiated any more.

    On a GPU, whose library does not deadlock, the function is returned unchanged.
    """
    if jax.default_backend() != "cpu":
        return function

    def evaluate(*args: Any) -> Any:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        leaves = jax.tree.leaves(args)
        if mentions(closed.jaxpr, _RULES):
            out = Rewriter(_RULES, _has_own_rule).run(closed, leaves)
        else:
            out = core.jaxpr_as_fun(closed)(*leaves)
        return jax.tree.unflatten(jax.tree.structure(shape), out)

    return evaluate


def _has_own_rule(name: str, _: core.Jaxpr) -> bool:
    return name.startswith("custom_")


def _triangular_solve(eqn: Any, factor: Array, right: Array) -> list[Array]:
    """Any triangular solve as a forward substitution."""
    params = eqn.params
    if params["transpose_a"]:
        factor = factor.mT
    lower = params["lower"] != params["transpose_a"]
    if not params["left_side"]:
        factor, right, lower = factor.mT, right.mT, not lower
    if params["unit_diagonal"]:
        eye = jnp.eye(factor.shape[-1], dtype=factor.dtype)
        factor = factor * (1 - eye) + eye
    if not lower:
        factor, right = factor[..., ::-1, ::-1], right[..., ::-1, :]
    x = solve_lower(factor, right)
    x = x if lower else x[..., ::-1, :]
    return [x if params["left_side"] else x.mT]


def _real(rule: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """The rule for real matrices; complex ones stay with LAPACK."""

    def chosen(eqn: Any, *args: Array) -> list[Any]:
        if jnp.issubdtype(args[0].dtype, jnp.floating):
            return rule(eqn, *args)
        out = eqn.primitive.bind(*args, **eqn.params)
        return list(out) if eqn.primitive.multiple_results else [out]

    return chosen


_RULES = {
    "cholesky": _real(lambda _, a: [cholesky(a)]),
    "triangular_solve": _real(_triangular_solve),
    "lu": _real(lambda _, a: list(lu(a))),
}
