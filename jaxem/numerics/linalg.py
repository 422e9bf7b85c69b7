"""Small symmetric matrices, batched over leading axes."""

import jax.numpy as jnp

from jaxem.types import Array


def solve_concave(hessian: Array, gradient: Array) -> Array:
    r"""The Newton step of a maximisation, :math:`|H|^{+} g`, that always points uphill.

    The matrix is first scaled to a unit diagonal, so that columns of very different size (an
    intercept beside a cubed covariate) do not decide what counts as zero. Directions of no
    curvature are left alone: the pseudo-inverse. Directions of the wrong curvature are taken
    with its absolute value. For a concave quadratic the step is exact.

    Args:
        hessian: Second derivatives, shape (..., d, d), symmetrised here.
        gradient: Shape (..., d).

    Returns:
        The step, shape (..., d).
    """
    size = gradient.shape[-1]
    diagonal = jnp.abs(jnp.diagonal(hessian, axis1=-2, axis2=-1))
    if size == 1:
        safe = jnp.where(diagonal > 0, diagonal, 1.0)
        return jnp.where(diagonal > 0, gradient / safe, 0.0)
    scale = jnp.where(diagonal > 0, jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0)), 1.0)
    scaled = hessian / (scale[..., :, None] * scale[..., None, :])
    finite = jnp.all(jnp.isfinite(scaled), axis=(-2, -1), keepdims=True)
    values, vectors = jnp.linalg.eigh(jnp.where(finite, (scaled + scaled.mT) / 2, jnp.eye(size)))
    values = jnp.abs(values)
    floor = 10 * size * jnp.finfo(hessian.dtype).eps * values.max(-1, keepdims=True)
    inverse = jnp.where(values > floor, 1.0 / jnp.where(values > floor, values, 1.0), 0.0)
    along = jnp.einsum("...ij,...i->...j", vectors, gradient / scale)
    step = jnp.einsum("...ij,...j->...i", vectors, inverse * along) / scale
    return jnp.where(finite[..., 0], step, jnp.nan)
