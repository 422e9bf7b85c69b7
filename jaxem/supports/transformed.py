"""Supports without a class of their own: intervals, ordered vectors, correlations and others."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import biject_to, constraints

from jaxem.supports.support import Support

#: Unconstrained coordinates of a value that is exactly on its boundary.
_OUTERMOST = 50.0

#: A coordinate is held if a unit of it changes the value by less than this fraction of the change
#: that a unit makes at the coordinate's zero.
_SATURATED = 1e-6

_CORRELATIONS = (type(constraints.corr_matrix), type(constraints.corr_cholesky))


@dataclasses.dataclass(frozen=True)
class Transformed(Support):
    """The set of a NumPyro constraint, by its transformation from unconstrained numbers.

    Attributes:
        constraint: NumPyro's description, without reinterpreted batch axes.
    """

    has_chart = False
    is_convex = False
    constraint: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Transformed) and self.constraint == other.constraint

    def __hash__(self) -> int:
        return hash(type(self.constraint))  # constraints of NumPyro have no hash

    def to_real(self, t: Any) -> Any:
        """Unconstrained numbers, of another shape where there are fewer than entries."""
        return biject_to(self.constraint).inv(t)

    def from_real(self, u: Any) -> Any:
        """The values with these unconstrained numbers."""
        return biject_to(self.constraint)(u)

    def real_gradient(self, t: Any, g: Any) -> Any:
        """The gradient in the unconstrained numbers."""
        _, carry = jax.vjp(self.from_real, self.to_real(t))
        return carry(jnp.asarray(g))[0]

    def real_tangent(self, t: Any, v: Any) -> Any:
        """The tangent of moving the unconstrained numbers."""
        return jax.jvp(self.from_real, (self.to_real(t),), (v,))[1]

    def center(self, shape: tuple[int, ...]) -> np.ndarray:
        """The image of zeros."""
        with jax.ensure_compile_time_eval():
            transform = biject_to(self.constraint)
            return np.asarray(transform(jnp.zeros(transform.inverse_shape(shape))), float)

    def contains(self, value: Any) -> Any:
        """Whether NumPyro's constraint holds."""
        return np.asarray(self.constraint(jnp.asarray(value)))

    @property
    def is_bounded(self) -> bool:
        """Whether it is a set of correlations, or has two finite ends."""
        ends = (getattr(self.constraint, f"{end}_bound", np.inf) for end in ("lower", "upper"))
        return isinstance(self.constraint, _CORRELATIONS) or all(
            np.all(np.isfinite(np.asarray(end, float))) for end in ends
        )

    def real_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the unconstrained numbers."""
        return tuple(biject_to(self.constraint).inverse_shape(shape))

    def coordinates_at(
        self, value: np.ndarray, edge: np.ndarray, resting: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `Support`; coordinates so large that the value is on its boundary are held."""
        u = np.asarray(self.to_real(value), float)
        u = np.nan_to_num(u, posinf=_OUTERMOST, neginf=-_OUTERMOST)
        held = self._saturated(u)
        return u, held, held if held.shape == edge.shape else edge | held.any()

    def _saturated(self, u: np.ndarray) -> np.ndarray:
        """Coordinates of which a unit inwards changes the value by a negligible amount.

        Negligible is relative to the change that a unit makes at the coordinate's zero.
        """
        value = np.asarray(self.from_real(u), float)
        each = np.eye(u.size).reshape(u.size, *u.shape)
        middle = np.where(each > 0, 0.0, u)
        moved, start, shifted = (
            np.asarray(self.from_real(some), float).reshape(u.size, -1)
            for some in (u - each * np.where(u < 0, -1.0, 1.0), middle, middle + each)
        )
        change = np.abs(moved - value.ravel()).max(1, initial=0.0)
        usual = np.abs(shifted - start).max(1, initial=0.0)
        return (change <= _SATURATED * usual).reshape(u.shape)

    def coordinate_names(self, entries: list[str], value: np.ndarray) -> list[str]:
        """Unconstrained numbers by their indices."""
        return [f"unconstrained {entry}" for entry in entries]

    def bounds(self, shape: tuple[int, ...]) -> np.ndarray:
        """Ends of an interval."""
        bounds = super().bounds(shape)
        if self.constraint.event_dim == 0:
            for side, name in enumerate(("lower_bound", "upper_bound")):
                bounds[side] = getattr(self.constraint, name, bounds[side])
        return bounds
