"""The interface of supports: a set, its real coordinates, and its boundary."""

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np


@dataclasses.dataclass(frozen=True)
class Support(abc.ABC):
    r"""The set in which a parameter, or one event of its last axes, lies.

    Each set has unbounded real coordinates :math:`u`: logarithms, logits, logarithms of
    probabilities, Cholesky factors with a log diagonal. Proofs compare gradients in real
    coordinates, and extrapolations are made in them. Methods take NumPy and JAX arrays alike,
    except where an argument is said to be a NumPy array, and any leading axes.

    Attributes:
        words: The name of the set; empty where that of its constraint is used.
        is_real: Whether it is the whole real line, and real coordinates are the values themselves.
        is_scale: Whether its values may be scales, whose likelihood may degenerate at zero.
        is_probability: Whether its entries are probabilities.
        has_zero: Whether zero is on its boundary, a fixed point of the EM map.
        has_chart: Whether its real coordinates are a closed form, one for each entry.
        is_convex: Whether it is known to be convex.
    """

    words: ClassVar[str] = ""
    is_real: ClassVar[bool] = False
    is_scale: ClassVar[bool] = False
    is_probability: ClassVar[bool] = False
    has_zero: ClassVar[bool] = False
    has_chart: ClassVar[bool] = True
    is_convex: ClassVar[bool] = True

    @abc.abstractmethod
    def to_real(self, t: Any) -> Any:
        """Real coordinates of values; of their shape where there is a chart."""

    @abc.abstractmethod
    def from_real(self, u: Any) -> Any:
        """The values with these real coordinates."""

    @abc.abstractmethod
    def real_gradient(self, t: Any, g: Any) -> Any:
        """A gradient ``g`` at the values ``t``, carried to real coordinates by the chain rule."""

    @abc.abstractmethod
    def center(self, shape: tuple[int, ...]) -> np.ndarray:
        """An ordinary value of this shape: the image of 0 in unconstrained coordinates."""

    @abc.abstractmethod
    def contains(self, value: Any) -> Any:
        """Which values (or events) lie in the set or on its boundary; a NumPy array of bools."""

    def real_tangent(self, t: Any, v: Any) -> Any:
        """The tangent at the values ``t`` of moving along ``v`` in real coordinates."""
        return self.real_gradient(t, v)  # a diagonal derivative is its own transpose

    @property
    def is_bounded(self) -> bool:
        """Whether the set is bounded."""
        return self.is_probability

    def interior(self, value: Any) -> Any:
        """Values moved off the boundary, by less than rounding.

        Derivatives of log densities do not exist at 0 or 1; at a probability that EM has put there
        they are evaluated just inside.
        """
        return value

    def floored(self, value: Any) -> Any:
        """Values with exact zeros replaced by a tiny number, whose logarithm is finite.

        Log factors that are added with signs must be finite; 1e-300 is negligible in them.
        """
        return value

    def at_edge(self, value: np.ndarray, reference: np.ndarray, share: float) -> np.ndarray:
        """Which entries are on the boundary, of the shape of the value; of a matrix, all or none.

        A maximum on the boundary is no stationary point. A probability counts as 0 below a
        hundredth of the amount that one ordinary row would add to it; a scale or a matrix, whose
        small values may be right, only where it is negligible.

        Args:
            value: Values, a NumPy array.
            reference: Ordinary values.
            share: Weight of one row relative to all.
        """
        return np.zeros(value.shape, bool)

    def together(self, marked: np.ndarray) -> np.ndarray:
        """Marked entries, and those that change whenever these do."""
        return marked

    def coordinates_at(
        self, value: np.ndarray, edge: np.ndarray, resting: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Real coordinates, which of them are held, and which entries are on the boundary.

        Args:
            value: Values, a NumPy array.
            edge: Which are on the boundary, from `at_edge`.
            resting: Which are exactly at a kink of their prior.
        """
        return np.asarray(self.to_real(value), float), edge | resting, edge

    def coordinate_names(self, entries: list[str], value: np.ndarray) -> list[str]:
        """Real coordinates in words.

        Args:
            entries: The entries of the array of real coordinates in words, such as "scale[0]".
            value: The values, a NumPy array.
        """
        return entries

    def real_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the real coordinates of a value of this shape."""
        return shape

    def moving(self, shape: tuple[int, ...]) -> np.ndarray:
        """Which real coordinates are used: all but those above a lower triangle."""
        return np.ones(shape, bool)

    def lengths(self, u: np.ndarray) -> np.ndarray:
        """Ordinary lengths of real coordinates: 1 for a logarithm or a logit."""
        return np.ones(u.shape)

    def length_weights(self, t: Any) -> Any:
        """Weights of the real coordinates in a length, about the root of their information."""
        return t.__array_namespace__().ones_like(self.to_real(self.interior(t)))

    def bounds(self, shape: tuple[int, ...]) -> np.ndarray:
        """Lower and upper end of every entry, (2, ...), infinite where there is none."""
        return np.stack([np.full(shape, -np.inf), np.full(shape, np.inf)])


class WithZero(Support):
    """A set with zero on its boundary, a fixed point of the EM map."""

    has_zero = True

    def interior(self, value: Any) -> Any:
        """See `Support`."""
        return value.__array_namespace__().maximum(value, 1e-30)

    def floored(self, value: Any) -> Any:
        """See `Support`."""
        tiny = 1e-300 if value.dtype == np.float64 else 1e-37
        return value + tiny * (value <= 0)

    def bounds(self, shape: tuple[int, ...]) -> np.ndarray:
        """See `Support`."""
        return np.stack([np.zeros(shape), np.full(shape, 1.0 if self.is_probability else np.inf)])
