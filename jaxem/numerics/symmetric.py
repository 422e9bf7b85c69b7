r"""Linear algebra of symmetric matrices, scaled to a unit diagonal first.

By the scaling the units of the coordinates (an intercept and a cubed covariate) do not decide which
eigenvalues count as zero. NumPy functions run between compiled programs, JAX functions in them.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Float

from jaxem.types import Array


def unit_diagonal(matrix: Any, least: float = 0.0) -> tuple[Any, Any]:
    """The symmetric part of a matrix with a diagonal of ones or minus ones, and the scale.

    Args:
        matrix: NumPy's or JAX's, (..., d, d); a diagonal entry of zero is not scaled.
        least: Diagonal entries below this fraction of the largest are scaled as if equal to it.

    Returns:
        The scaled matrix (..., d, d), and the scale (..., d), by which both sides were divided.
    """
    xp = matrix.__array_namespace__()
    diagonal = xp.abs(xp.linalg.diagonal(matrix))
    if least:
        diagonal = xp.maximum(diagonal, least * diagonal.max(-1, initial=0.0, keepdims=True))
    scale = xp.sqrt(xp.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix / (scale[..., :, None] * scale[..., None, :])
    return (scaled + scaled.mT) / 2, scale


def spectrum(
    matrix: Float[np.ndarray, "*batch d d"], least: float = 0.0
) -> tuple[
    Float[np.ndarray, "*batch d"], Float[np.ndarray, "*batch d d"], Float[np.ndarray, "*batch d"]
]:
    r"""Eigenvalues of the scaled matrix, which are invariant to units, directions, and the scale.

    With :math:`A = S V \Lambda V^\top S`, S the scale and V orthogonal, the directions are
    :math:`R = S^{-1} V`: then :math:`R^\top A R = \Lambda` and
    :math:`A^{-1} = R \Lambda^{-1} R^\top`.

    Args:
        matrix: A, (..., d, d), symmetrised here.
        least: See `unit_diagonal`.

    Returns:
        Eigenvalues (..., d), ascending; directions (..., d, d), as columns; the scale (..., d).
    """
    scaled, scale = unit_diagonal(matrix, least)
    values, vectors = np.linalg.eigh(scaled)
    return values, vectors / scale[..., :, None], scale


def covariance(precision: Float[np.ndarray, "d d"], floor: float) -> Float[np.ndarray, "d d"]:
    """The inverse of a precision matrix made positive definite, (d, d).

    Eigenvalues are replaced by their absolute values, at least ``floor`` times the largest; the
    result is the inverse if the matrix is positive definite and well conditioned.
    """
    if not np.all(np.isfinite(precision)):
        return np.eye(len(precision))
    values, directions, _ = spectrum(precision)
    values = np.maximum(np.abs(values), floor * np.abs(values).max())
    half = directions / np.sqrt(values)
    return half @ half.T


def solve_definite(
    matrix: Float[Array, "*batch d d"], right: Float[Array, "*batch d"]
) -> Float[Array, "*batch d"]:
    """The solution of linear equations (..., d), NaN where a matrix is not positive definite.

    Args:
        matrix: Shape (..., d, d), symmetrised here.
        right: Shape (..., d).
    """
    scaled, scale = unit_diagonal(matrix)
    return cho_solve(cho_factor(scaled, lower=True), (right / scale)[..., None])[..., 0] / scale


@jax.custom_batching.custom_vmap
def solve_concave(
    hessian: Float[Array, "*batch d d"], gradient: Float[Array, "*batch d"]
) -> Float[Array, "*batch d"]:
    r"""The Newton step of a maximisation, :math:`|H|^{+} g`, an ascent direction.

    It is zero along directions without curvature (the pseudo-inverse), and uses the absolute value
    of positive curvature. For a concave quadratic the step is exact.

    If all matrices of a batch are negative definite, the usual case, they are factorised; else all
    are diagonalised.

    Args:
        hessian: Second derivatives, shape (..., d, d), symmetrised here.
        gradient: Shape (..., d).

    Returns:
        The step, shape (..., d); NaN where the matrix is not finite.
    """
    if gradient.shape[-1] == 1:
        diagonal = jnp.abs(jnp.diagonal(hessian, axis1=-2, axis2=-1))
        safe = jnp.where(diagonal > 0, diagonal, 1.0)
        return jnp.where(diagonal > 0, gradient / safe, 0.0)
    scaled, scale = unit_diagonal(hessian)
    factor = jnp.linalg.cholesky(-scaled)
    pivots = jnp.diagonal(factor, axis1=-2, axis2=-1) ** 2
    definite = jnp.all(pivots > jnp.sqrt(jnp.finfo(hessian.dtype).eps))
    step = jax.lax.cond(definite, _by_factor, _by_eigenvalues, scaled, factor, gradient / scale)
    return step / scale


@solve_concave.def_vmap
def _all_together(axis_size, in_batched, hessian, gradient):
    """The batching rule: one `cond` for the whole batch, instead of both branches for each."""
    if not in_batched[0]:
        hessian = jnp.broadcast_to(hessian, (axis_size, *hessian.shape))
    if not in_batched[1]:
        gradient = jnp.broadcast_to(gradient, (axis_size, *gradient.shape))
    return solve_concave(hessian, gradient), True


def _by_factor(
    _, factor: Float[Array, "*batch d d"], gradient: Float[Array, "*batch d"]
) -> Float[Array, "*batch d"]:
    half = jax.lax.linalg.triangular_solve(factor, gradient[..., None], left_side=True, lower=True)
    whole = jax.lax.linalg.triangular_solve(
        factor, half, left_side=True, lower=True, transpose_a=True
    )
    return whole[..., 0]


def _by_eigenvalues(
    scaled: Float[Array, "*batch d d"], _, gradient: Float[Array, "*batch d"]
) -> Float[Array, "*batch d"]:
    size = gradient.shape[-1]
    finite = jnp.all(jnp.isfinite(scaled), axis=(-2, -1), keepdims=True)
    values, vectors = jnp.linalg.eigh(jnp.where(finite, scaled, jnp.eye(size, dtype=scaled.dtype)))
    values = jnp.abs(values)
    floor = 10 * size * jnp.finfo(scaled.dtype).eps * values.max(-1, keepdims=True)
    inverse = jnp.where(values > floor, 1.0 / jnp.where(values > floor, values, 1.0), 0.0)
    along = jnp.einsum("...ij,...i->...j", vectors, gradient)
    step = jnp.einsum("...ij,...j->...i", vectors, inverse * along)
    return jnp.where(finite[..., 0], step, jnp.nan)


def make_semidefinite(matrix: Float[Array, "*batch d d"]) -> Float[Array, "*batch d d"]:
    """A symmetric matrix plus the least multiple of its diagonal that makes it semi-definite.

    Args:
        matrix: Shape (..., d, d), symmetrised here.
    """
    scaled, scale = unit_diagonal(matrix)
    finite = jnp.all(jnp.isfinite(scaled), axis=(-2, -1), keepdims=True)
    lowest = jnp.linalg.eigvalsh(jnp.where(finite, scaled, 0.0))[..., :1]
    eye = jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    return (matrix + matrix.mT) / 2 + eye * (scale**2 * jnp.maximum(-lowest, 0.0))[..., :, None]
