r"""Programs whose small matrices are factorised by plain array code, not by LAPACK.

XLA's CPU backend hands a batched Cholesky factorisation, LU factorisation or triangular solve to
LAPACK as one call that waits, inside a worker of its pool, for other workers. Enough of them at
once and all wait for ever; and the pool that avoids it is so large that matrix products suffer.
The matrices of mixture models are small and many, and for those a loop over columns, all matrices
side by side, is as fast. `plain` therefore re-reads a program just before it is compiled, when all
derivatives have been taken, and puts such loops in place.

The factorisations are the column-by-column ones of Golub and Van Loan, *Matrix Computations*,
algorithms 3.1.1 (substitution), 3.4.1 (LU with partial pivoting) and 4.2.2 (Cholesky). Matrices
larger than `_LARGEST` are cut in two, and the halves joined by matrix products.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import core

from jaxem.numerics.rewrite import Rewriter, mentions
from jaxem.types import Array

#: Largest matrix that one loop factorises.
_LARGEST = 32

#: Largest matrix that is factorised without a loop: what fuses with its surroundings compiles
#: faster than a loop, and runs faster.
_SMALL = 4


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of pytrees, to be compiled and not differentiated any more.

    On a GPU, whose library has no such trouble, the function is returned as it is.
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


def cholesky(a: Array) -> Array:
    """Lower factors of matrices, (..., d, d), of which the lower triangle is read.

    NaN where a matrix is not positive definite, as JAX has it.
    """
    factor = _cholesky(a)
    positive = jnp.all(jnp.diagonal(factor, axis1=-2, axis2=-1) > 0, axis=-1)
    return jnp.where(positive[..., None, None], factor, jnp.tril(jnp.full_like(factor, jnp.nan)))


def _cholesky(a: Array) -> Array:
    size = a.shape[-1]
    if size > _LARGEST:
        half = size // 2
        top = _cholesky(a[..., :half, :half])
        side = solve_lower(top, a[..., half:, :half].mT).mT
        bottom = _cholesky(a[..., half:, half:] - side @ side.mT)
        zero = jnp.zeros_like(side).mT
        return jnp.block([[top, zero], [side, bottom]])
    rows = jnp.arange(size)
    if size <= _SMALL:
        columns: list[Array] = []
        for j in range(size):
            rest = a[..., j]
            for earlier in columns:
                rest = rest - earlier * earlier[..., j, None]
            pivot = rest[..., j, None]
            columns.append(jnp.where(rows >= j, rest / jnp.sqrt(pivot), 0.0))
        return jnp.stack(columns, -1)

    def column(j, factor):
        row = _take(factor, j, -2)
        rest = _take(a, j, -1) - (factor @ row[..., None])[..., 0]
        pivot = _take(rest, j, -1)
        new = jnp.where(rows >= j, rest / jnp.sqrt(pivot)[..., None], 0.0)
        return lax.dynamic_update_index_in_dim(factor, new, j, -1)

    return lax.fori_loop(0, size, column, jnp.zeros_like(a))


def solve_lower(factor: Array, right: Array) -> Array:
    """Solve for x in factor x = right by forward substitution.

    Args:
        factor: Shape (..., d, d); the strict upper triangle is not read.
        right: Shape (..., d, m), the same leading axes.
    """
    size = factor.shape[-1]
    if size > _LARGEST:
        half = size // 2
        top = solve_lower(factor[..., :half, :half], right[..., :half, :])
        rest = right[..., half:, :] - factor[..., half:, :half] @ top
        return jnp.concatenate([top, solve_lower(factor[..., half:, half:], rest)], axis=-2)
    if size <= _SMALL:
        found: list[Array] = []
        for j in range(size):
            value = right[..., j, :]
            for k, earlier in enumerate(found):
                value = value - factor[..., j, k, None] * earlier
            found.append(value / factor[..., j, j, None])
        return jnp.stack(found, -2)

    def row(j, x):
        known = (_take(factor, j, -2)[..., None, :] @ x)[..., 0, :]
        value = (_take(right, j, -2) - known) / _take(_take(factor, j, -2), j, -1)[..., None]
        return lax.dynamic_update_index_in_dim(x, value, j, -2)

    return lax.fori_loop(0, size, row, jnp.zeros_like(right))


def lu(a: Array) -> tuple[Array, Array, Array]:
    """LU factorisation with partial pivoting of matrices (..., m, n).

    Returns:
        Both factors in one matrix, without the unit diagonal; the row exchanged with each, (...,
        min(m, n)); and the order of the rows, (..., m).
    """
    rows, columns = a.shape[-2:]
    order = jnp.broadcast_to(jnp.arange(rows, dtype=jnp.int32), a.shape[:-1])
    place, steps = jnp.arange(rows), min(rows, columns)
    pivots = jnp.zeros((*a.shape[:-2], steps), jnp.int32)

    def eliminate(j, state):
        a, pivots, order = state
        column = _take(a, j, -1)
        below = jnp.where(place >= j, jnp.abs(column), -1.0)
        pivot = jnp.argmax(jnp.where(jnp.isnan(below), jnp.inf, below), -1).astype(jnp.int32)
        swapped = jnp.where(place == j, pivot[..., None], place)
        swapped = jnp.where(place == pivot[..., None], j, swapped)
        a = jnp.take_along_axis(a, swapped[..., None], -2)
        order = jnp.take_along_axis(order, swapped, -1)
        top = _take(a, j, -2)
        head = _take(top, j, -1)[..., None]
        column = _take(a, j, -1)
        safe = jnp.where(head == 0, 1.0, head)
        lower = jnp.where(place > j, jnp.where(head == 0, column, column / safe), 0.0)
        right = jnp.where(jnp.arange(columns) > j, top, 0.0)
        a = a - lower[..., None] * right[..., None, :]
        a = lax.dynamic_update_index_in_dim(a, jnp.where(place > j, lower, column), j, -1)
        return a, lax.dynamic_update_index_in_dim(pivots, pivot, j, -1), order

    return lax.fori_loop(0, steps, eliminate, (a, pivots, order))


def _take(a: Array, j: Any, axis: int) -> Array:
    return lax.dynamic_index_in_dim(a, j, axis, keepdims=False)


def _triangular_solve(eqn: Any, factor: Array, right: Array) -> list[Array]:
    """Any triangular solve as a forward substitution."""
    how = eqn.params
    if how["transpose_a"]:
        factor = factor.mT
    lower = how["lower"] != how["transpose_a"]
    if not how["left_side"]:
        factor, right, lower = factor.mT, right.mT, not lower
    if how["unit_diagonal"]:
        eye = jnp.eye(factor.shape[-1], dtype=factor.dtype)
        factor = factor * (1 - eye) + eye
    if not lower:
        factor, right = factor[..., ::-1, ::-1], right[..., ::-1, :]
    x = solve_lower(factor, right)
    x = x if lower else x[..., ::-1, :]
    return [x if how["left_side"] else x.mT]


def _real(rule: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Complex matrices stay with LAPACK."""

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
