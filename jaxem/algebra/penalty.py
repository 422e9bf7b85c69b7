r"""The absolute values in a log prior, :math:`-\lambda |x - c|`, elementwise.

The centres c are constants, found when a plan is made (`kinks`); the strength :math:`\lambda` is
half of the fall of the slope across c, the difference of one-sided derivatives, and may depend on
other parameters (a Laplace prior of unknown scale).

Q without the absolute values, its smooth part, has derivatives everywhere. At c they are evaluated
next to it, where automatic differentiation of both terms takes the same side.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.model import Model
from jaxem.numerics.lasso import soft_threshold
from jaxem.types import Array

_NEXT_TO_ZERO = 1e-30


@dataclasses.dataclass(frozen=True, eq=False)
class Penalty:
    """The absolute values in the log prior of a model.

    Attributes:
        model: The declared model.
        centres: By dotted name the kinks c, of the parameter's shape; NaN for entries without one.
            Parameters without any are left out.
    """

    model: Model
    centres: Mapping[str, np.ndarray]

    def strengths(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """The strength of every entry, of the parameter's shape, zero where there is no kink.

        Derivatives do not pass through the strengths (`stop_gradient`).
        """
        values = jax.lax.stop_gradient(dict(values))
        slope = jax.grad(self.model.prior_density)
        out = {}
        for name, centre in self.centres.items():
            value, has_kink = values[name], ~np.isnan(centre)
            c = self._centre(name, value)
            below, above = (
                slope({**values, name: jnp.where(has_kink, c + side * gap(c), value)})[name]
                for side in (-1, 1)
            )
            found = jnp.where(has_kink, (below - above) / 2, 0.0)
            out[name] = jax.lax.stop_gradient(jnp.maximum(found, 0.0))
        return out

    def absolute(self, values: Mapping[str, Array]) -> Array:
        r"""The sum :math:`\sum \lambda |x - c|`, a scalar; Q plus this sum is smooth."""
        total = jnp.zeros((), jnp.result_type(float))
        for name, strength in self.strengths(values).items():
            total += jnp.sum(strength * jnp.abs(values[name] - self._centre(name, values[name])))
        return total

    def _centre(self, name: str, like: Array) -> Array:
        """The kinks c of a parameter in its precision, 0 where there is none."""
        return jnp.asarray(np.nan_to_num(self.centres[name]).astype(like.dtype))

    def resting(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """By dotted name which entries are exactly at their kinks; leading axes are allowed."""
        return {n: values[n] == c.astype(values[n].dtype) for n, c in self.centres.items()}

    def steepest(
        self, values: Mapping[str, Array], smooth: Mapping[str, Array]
    ) -> dict[str, Array]:
        """The gradient of Q from that of its smooth part; at a kink the least subgradient."""
        out, rests = dict(smooth), self.resting(values)
        for name, strength in self.strengths(values).items():
            slope = smooth[name]
            least = soft_threshold(slope, strength)
            side = jnp.sign(values[name] - self._centre(name, values[name]))
            out[name] = jnp.where(rests[name], least, slope - strength * side)
        return out

    def aside(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """The same parameters, with entries at their kinks moved by the smallest length."""
        rests = self.resting(values)
        moved = {n: jnp.where(rests[n], values[n] + gap(values[n]), values[n]) for n in rests}
        return {**values, **moved}


def gap(centre: Array) -> Array:
    """The distance from a number to the next larger one; 1e-30 at zero."""
    next_one = jnp.nextafter(centre, jnp.full_like(centre, jnp.inf)) - centre
    return jnp.where(centre == 0, _NEXT_TO_ZERO, next_one)
