"""Sets of single numbers: all of them, the positive ones, those between 0 and 1."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.supports.support import Support, WithZero

#: An entry counts as 0 below this fraction of the amount that one ordinary row would add to it.
TINY = 1e-2

#: A scale or an eigenvalue counts as 0 below this fraction of an ordinary value: lower than
#: `TINY`, as small scales may be right.
VANISHING = 1e-10


class RealNumbers(Support):
    """All real numbers, which are their own coordinates."""

    words = "real"
    is_real = True

    def to_real(self, t: Any) -> Any:
        """The values."""
        return t

    def from_real(self, u: Any) -> Any:
        """The values."""
        return u

    def real_gradient(self, t: Any, g: Any) -> Any:
        """The gradient."""
        return g

    def center(self, shape: tuple[int, ...]) -> np.ndarray:
        """Zeros."""
        return np.zeros(shape)

    def contains(self, value: Any) -> Any:
        """Finite numbers."""
        return np.isfinite(value)

    def length_weights(self, t: Any) -> Any:
        """Reciprocal of the range of the array, which has units of its own."""
        xp = t.__array_namespace__()
        if not t.size:
            return xp.ones_like(t)
        range_ = xp.max(t) - xp.min(t)
        size = xp.where(range_ > 0, range_, xp.max(xp.abs(t)))
        return xp.broadcast_to(1 / xp.where(size > 0, size, 1.0), t.shape)


class PositiveNumbers(WithZero):
    """Positive numbers, by their logarithms."""

    words = "positive"
    is_scale = True

    def to_real(self, t: Any) -> Any:
        """Logarithms."""
        xp = t.__array_namespace__()
        return xp.log(xp.maximum(t, 1e-300))

    def from_real(self, u: Any) -> Any:
        """Exponentials."""
        return u.__array_namespace__().exp(u)

    def real_gradient(self, t: Any, g: Any) -> Any:
        """The gradient in the logarithms."""
        return t * g

    def center(self, shape: tuple[int, ...]) -> np.ndarray:
        """Ones."""
        return np.ones(shape)

    def contains(self, value: Any) -> Any:
        """Positive numbers and zero."""
        return np.asarray(jnp.asarray(value) >= 0)

    def at_edge(self, value: np.ndarray, reference: np.ndarray, share: float) -> np.ndarray:
        """Numbers that are negligible relative to an ordinary one."""
        return value <= VANISHING * reference

    def coordinate_names(self, entries: list[str], value: np.ndarray) -> list[str]:
        """Logarithms of the entries."""
        return [f"log {entry}" for entry in entries]


class UnitInterval(WithZero):
    """Numbers between 0 and 1, by their logits."""

    words = "unit interval"
    is_probability = True

    def to_real(self, t: Any) -> Any:
        """Logits."""
        xp = t.__array_namespace__()
        inside = xp.clip(t, 1e-30, 1 - 1e-16)
        return xp.log(inside) - xp.log1p(-inside)

    def from_real(self, u: Any) -> Any:
        """Logistic functions."""
        return 1 / (1 + u.__array_namespace__().exp(-u))

    def real_gradient(self, t: Any, g: Any) -> Any:
        """The gradient in the logits."""
        return t * (1 - t) * g

    def center(self, shape: tuple[int, ...]) -> np.ndarray:
        """Halves."""
        return np.full(shape, 0.5)

    def contains(self, value: Any) -> Any:
        """Numbers from 0 to 1."""
        x = jnp.asarray(value)
        return np.asarray((x >= 0) & (x <= 1))

    def interior(self, value: Any) -> Any:
        """Values moved off 0 and off 1, by less than rounding."""
        top = 1 - jnp.finfo(value.dtype).epsneg
        return value.__array_namespace__().clip(value, 1e-30, top)

    def floored(self, value: Any) -> Any:
        """Values off 0 and 1, so that log t and log(1 - t) are finite."""
        return super().floored(value) * (1 - np.finfo(value.dtype).epsneg * (value >= 1))

    def at_edge(self, value: np.ndarray, reference: np.ndarray, share: float) -> np.ndarray:
        """Probabilities below a hundredth of the amount that one ordinary row would add."""
        low, high = TINY * share * reference, TINY * share * (1 - reference)
        return (value <= low) | (1 - value <= high)

    def coordinate_names(self, entries: list[str], value: np.ndarray) -> list[str]:
        """Logits of the entries."""
        return [f"logit {entry}" for entry in entries]

    def length_weights(self, t: Any) -> Any:
        """The standard deviation of an indicator of this probability."""
        return t.__array_namespace__().sqrt(t * (1 - t))
