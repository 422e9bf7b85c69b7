"""Covariance matrices and their Cholesky factors, by a lower triangle with a log diagonal."""

import abc
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from numpyro.distributions import constraints

from jaxem.numerics.symmetric import spectrum
from jaxem.supports.numbers import VANISHING
from jaxem.supports.support import Support


class Matrices(Support):
    """Positive definite matrices or their Cholesky factors; coordinates are a lower triangle.

    Attributes:
        degree: Power of a standard deviation in a diagonal entry: 1 for factors, 2 for covariances.
    """

    is_scale = True
    degree: ClassVar[int]

    @abc.abstractmethod
    def square(self, t: Any) -> Any:
        """The positive definite matrices of the values."""

    @abc.abstractmethod
    def of_root(self, root: np.ndarray) -> np.ndarray:
        """The values of the positive definite matrices ``root.mT @ root``."""

    def center(self, shape: tuple[int, ...]) -> np.ndarray:
        """Identity matrices."""
        return np.zeros(shape) + np.eye(shape[-1])

    def at_edge(self, value: np.ndarray, reference: np.ndarray, share: float) -> np.ndarray:
        """All entries of a matrix with a correlation of one, or a variance of zero."""
        return np.broadcast_to(_is_singular(self.square(value)), value.shape)

    def coordinates_at(
        self, value: np.ndarray, edge: np.ndarray, resting: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `Support`; a matrix on the boundary is held, with the coordinates of the identity."""
        inside = np.where(edge, np.eye(value.shape[-1]), value)
        real, held, edge = super().coordinates_at(inside, edge, resting)
        return real, held | ~self.moving(value.shape), edge

    def coordinate_names(self, entries: list[str], value: np.ndarray) -> list[str]:
        """Entries of the Cholesky factor."""
        return [f"Cholesky factor of {entry}" for entry in entries]

    def moving(self, shape: tuple[int, ...]) -> np.ndarray:
        """The lower triangle."""
        return np.tril(np.ones(shape, bool))

    def lengths(self, u: np.ndarray) -> np.ndarray:
        """1 on the log diagonal; elsewhere the scale of the row."""
        width = np.exp(np.diagonal(u, axis1=-2, axis2=-1))[..., :, None]
        return np.where(np.eye(u.shape[-1]) > 0, 1.0, width)

    def bounds(self, shape: tuple[int, ...]) -> np.ndarray:
        """Diagonal entries are positive."""
        bounds, diagonal = super().bounds(shape), np.arange(shape[-1])
        bounds[0][..., diagonal, diagonal] = 0.0
        return bounds


class CholeskyFactors(Matrices):
    """Lower triangular matrices with a positive diagonal."""

    degree = 1

    def to_real(self, t: Any) -> Any:
        """The lower triangle with logarithms on the diagonal."""
        xp = t.__array_namespace__()
        eye = xp.eye(t.shape[-1], dtype=t.dtype)
        return xp.tril(t) * (1 - eye) + eye * xp.log(xp.where(eye > 0, xp.abs(t), 1.0))

    def from_real(self, u: Any) -> Any:
        """The lower triangle with exponentials on the diagonal."""
        xp = u.__array_namespace__()
        eye = xp.eye(u.shape[-1], dtype=u.dtype)
        return xp.tril(u) * (1 - eye) + eye * xp.exp(xp.where(eye > 0, u, 0.0))

    def real_gradient(self, t: Any, g: Any) -> Any:
        """The lower triangle of the gradient, on the diagonal in the logarithms."""
        xp = t.__array_namespace__()
        eye = xp.eye(t.shape[-1], dtype=t.dtype)
        return xp.tril(g) * (1 - eye + eye * t)

    def contains(self, value: Any) -> Any:
        """Whether NumPyro's constraint holds."""
        return np.asarray(constraints.lower_cholesky(jnp.asarray(value)))

    def square(self, t: Any) -> Any:
        """Products with the transpose."""
        return t @ t.mT

    def of_root(self, root: np.ndarray) -> np.ndarray:
        """The triangular factor, of positive diagonal."""
        upper = np.linalg.qr(root)[1]
        signs = np.where(np.diagonal(upper, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
        return (upper * signs[..., :, None]).mT

    def length_weights(self, t: Any) -> Any:
        """1 on the diagonal; elsewhere the reciprocal of the row's diagonal entry."""
        xp = t.__array_namespace__()
        eye = xp.eye(t.shape[-1], dtype=t.dtype)
        scale = xp.abs(xp.diagonal(t, axis1=-2, axis2=-1))[..., :, None]
        return eye + (1 - eye) / xp.where(scale > 0, scale, 1.0)


_FACTORS = CholeskyFactors()


class PositiveDefinite(Matrices):
    """Symmetric positive definite matrices, by their Cholesky factors."""

    degree = 2

    def to_real(self, t: Any) -> Any:
        """Real coordinates of the Cholesky factors."""
        return _FACTORS.to_real(_cholesky(t))

    def from_real(self, u: Any) -> Any:
        """The matrices with these factors."""
        return _FACTORS.square(_FACTORS.from_real(u))

    def real_gradient(self, t: Any, g: Any) -> Any:
        """The gradient in the coordinates of the factors."""
        lower = _cholesky(t)
        return _FACTORS.real_gradient(lower, (g + g.mT) @ lower)

    def real_tangent(self, t: Any, v: Any) -> Any:
        """The tangent of moving the coordinates of the factors."""
        lower = _cholesky(t)
        moved = _FACTORS.real_tangent(lower, v) @ lower.mT
        return moved + moved.mT

    def contains(self, value: Any) -> Any:
        """Whether NumPyro's constraint holds."""
        return np.asarray(constraints.positive_definite(jnp.asarray(value)))

    def square(self, t: Any) -> Any:
        """The values."""
        return t

    def of_root(self, root: np.ndarray) -> np.ndarray:
        """The product."""
        return root.mT @ root

    def length_weights(self, t: Any) -> Any:
        """The weights of the factors' coordinates."""
        return _FACTORS.length_weights(_cholesky(t))


def _cholesky(t: Any) -> Any:
    return t.__array_namespace__().linalg.cholesky(t)


def _is_singular(matrix: np.ndarray) -> np.ndarray:
    """Whether a covariance has a correlation of one, or a variance of zero; (..., 1, 1)."""
    return (spectrum(matrix)[0][..., 0] <= VANISHING)[..., None, None]
