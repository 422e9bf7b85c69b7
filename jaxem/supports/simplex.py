"""Probabilities of several categories, which sum to one."""

from typing import Any

import numpy as np

from jaxem.supports.numbers import TINY
from jaxem.supports.support import WithZero


class UnitSimplex(WithZero):
    """Vectors of probabilities that sum to one, by their logarithms up to a constant."""

    words = "simplex"
    is_probability = True

    def to_real(self, t: Any) -> Any:
        """Logarithms."""
        xp = t.__array_namespace__()
        return xp.log(xp.maximum(t, 1e-30))

    def from_real(self, u: Any) -> Any:
        """The softmax."""
        xp = u.__array_namespace__()
        e = xp.exp(u - xp.max(u, axis=-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def real_gradient(self, t: Any, g: Any) -> Any:
        """The gradient in the logarithms."""
        c = t * g
        return c - t * c.sum(-1, keepdims=True)

    def real_tangent(self, t: Any, v: Any) -> Any:
        """The tangent of moving the logarithms."""
        return t * (v - (t * v).sum(-1, keepdims=True))

    def center(self, shape: tuple[int, ...]) -> np.ndarray:
        """Equal probabilities."""
        return np.full(shape, 1.0 / shape[-1])

    def contains(self, value: Any) -> Any:
        """Nonnegative vectors that sum to one, up to rounding in single precision."""
        return (np.abs(value.sum(-1) - 1) < 1e-5) & np.all(value >= 0, -1)

    def at_edge(self, value: np.ndarray, reference: np.ndarray, share: float) -> np.ndarray:
        """Probabilities below a hundredth of the amount that one ordinary row would add."""
        return value <= TINY * share * reference

    def together(self, marked: np.ndarray) -> np.ndarray:
        """All entries of a vector with a marked one, as the entries sum to one."""
        return np.any(marked, -1, keepdims=True)

    def coordinates_at(
        self, value: np.ndarray, edge: np.ndarray, resting: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `Support`; the logarithm of the largest entry is held too."""
        real, held, edge = super().coordinates_at(value, edge, resting)
        return real, held | (np.arange(value.shape[-1]) == value.argmax(-1)[..., None]), edge

    def coordinate_names(self, entries: list[str], value: np.ndarray) -> list[str]:
        """Logarithms of the entries, relative to the largest."""
        largest = np.broadcast_to(value.argmax(-1)[..., None], value.shape).ravel()
        return [f"log {e}/[{top}]" for e, top in zip(entries, largest, strict=True)]

    def length_weights(self, t: Any) -> Any:
        """Square roots of the probabilities, so that a logarithm going to -inf has no weight."""
        return t.__array_namespace__().sqrt(t)
