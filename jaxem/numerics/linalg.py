"""Small symmetric matrices, batched over leading axes."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxem.types import Array


@jax.custom_batching.custom_vmap
def solve_concave(
    hessian: Float[Array, "*batch d d"], gradient: Float[Array, "*batch d"]
) -> Float[Array, "*batch d"]:
    r"""The Newton step of a maximisation, :math:`|H|^{+} g`, that always points uphill.

    The matrix is first scaled to a unit diagonal, so that columns of very different size (an
    intercept beside a cubed covariate) do not decide what counts as zero. Directions of no
    curvature are left alone: the pseudo-inverse. Directions of the wrong curvature are taken
    with its absolute value. For a concave quadratic the step is exact.

    Matrices that are all negative definite, the usual case, are factorised; only a batch with
    another one among them is diagonalised.

    Args:
        hessian: Second derivatives, shape (..., d, d), symmetrised here.
        gradient: Shape (..., d).

    Returns:
        The step, shape (..., d); NaN where the matrix is not finite.
    """
    size = gradient.shape[-1]
    diagonal = jnp.abs(jnp.diagonal(hessian, axis1=-2, axis2=-1))
    if size == 1:
        safe = jnp.where(diagonal > 0, diagonal, 1.0)
        return jnp.where(diagonal > 0, gradient / safe, 0.0)
    scale = jnp.where(diagonal > 0, jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0)), 1.0)
    scaled = hessian / (scale[..., :, None] * scale[..., None, :])
    scaled = (scaled + scaled.mT) / 2
    factor = jnp.linalg.cholesky(-scaled)
    pivots = jnp.diagonal(factor, axis1=-2, axis2=-1) ** 2
    definite = jnp.all(pivots > jnp.sqrt(jnp.finfo(hessian.dtype).eps))
    step = jax.lax.cond(definite, _by_factor, _by_eigenvalues, scaled, factor, gradient / scale)
    return step / scale


@solve_concave.def_vmap
def _all_together(axis_size, in_batched, hessian, gradient):
    """One decision for the whole batch, instead of both ways for each member."""
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
    """A symmetric matrix, or that matrix raised by as much as its lowest eigenvalue is negative.

    Args:
        matrix: Shape (..., d, d), symmetrised here.

    Returns:
        Shape (..., d, d); what is added is in units of the diagonal.
    """
    matrix = (matrix + matrix.mT) / 2
    diagonal = jnp.abs(jnp.diagonal(matrix, axis1=-2, axis2=-1))
    scale = jnp.where(diagonal > 0, diagonal, 1.0)
    unit = jnp.sqrt(scale)
    scaled = matrix / (unit[..., :, None] * unit[..., None, :])
    finite = jnp.all(jnp.isfinite(scaled), axis=(-2, -1), keepdims=True)
    lowest = jnp.linalg.eigvalsh(jnp.where(finite, scaled, 0.0))[..., :1]
    eye = jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    return matrix + eye * (scale * jnp.maximum(-lowest, 0.0))[..., :, None]
