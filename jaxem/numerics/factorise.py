"""Factorisations and triangular solves of stacks of small matrices, by plain array code.

They are the column-by-column ones of Golub and Van Loan, *Matrix Computations*, algorithms 3.1.1
(substitution), 3.4.1 (LU with partial pivoting) and 4.2.2 (Cholesky), batched over matrices.
Matrices larger than `_LARGEST` are cut into 2 by 2 blocks, joined by matrix products.
"""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Float, Int

from jaxem.types import Array

#: Largest matrix that one loop factorises.
_LARGEST = 32

#: Largest matrix that is factorised without a loop: XLA fuses the operations, which then compile
#: and run faster than a loop.
_SMALL = 4


def cholesky(a: Float[Array, "*batch d d"]) -> Float[Array, "*batch d d"]:
    """Lower Cholesky factors of matrices, (..., d, d), of which the lower triangle is read.

    NaN where a matrix is not positive definite, as in JAX.
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


def solve_lower(
    factor: Float[Array, "*batch d d"], right: Float[Array, "*batch d m"]
) -> Float[Array, "*batch d m"]:
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


def lu(
    a: Float[Array, "*batch m n"],
) -> tuple[Float[Array, "*batch m n"], Int[Array, "*batch pivots"], Int[Array, "*batch m"]]:
    """LU factorisation with partial pivoting of matrices (..., m, n).

    Returns:
        Both factors in one matrix, without the unit diagonal; for each step the row exchanged,
        (..., min(m, n)); and the order of the rows, (..., m).
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
