r"""Absolute values in the log prior, :math:`-\lambda |x - c|`, elementwise, and what is left.

The places c are constants, found when a plan is made (`kinks`); the strength :math:`\lambda` is
half of the fall of the slope across c, which a derivative on either side gives to rounding, and
may depend on other parameters (a Laplace prior of unknown scale).

What is left of Q when the absolute values are taken out is smooth. Its derivatives at c itself are
taken next to it, where automatic differentiation of both terms agrees on a side.
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
        centres: By dotted name the places of the kinks, of the parameter's shape; NaN for entries
            that have none. Parameters without any are left out.
    """

    model: Model
    centres: Mapping[str, np.ndarray]

    def strengths(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """The strength of every entry, of the parameter's shape, zero where there is no kink.

        It is a constant of the derivatives of what it is used in.
        """
        values = jax.lax.stop_gradient(dict(values))
        slope = jax.grad(self.model.prior_density)
        out = {}
        for name, centre in self.centres.items():
            here, kinked = values[name], ~np.isnan(centre)
            c = self._centre(name, here)
            below, above = (
                slope({**values, name: jnp.where(kinked, c + way * gap(c), here)})[name]
                for way in (-1, 1)
            )
            found = jnp.where(kinked, (below - above) / 2, 0.0)
            out[name] = jax.lax.stop_gradient(jnp.maximum(found, 0.0))
        return out

    def absolute(self, values: Mapping[str, Array]) -> Array:
        r"""The sum :math:`\sum \lambda |x - c|`, a scalar; add it to Q, and no kink is left."""
        total = jnp.zeros((), jnp.result_type(float))
        for name, strength in self.strengths(values).items():
            total += jnp.sum(strength * jnp.abs(values[name] - self._centre(name, values[name])))
        return total

    def _centre(self, name: str, like: Array) -> Array:
        """The places of the kinks of a parameter in its precision, 0 where there is none."""
        return jnp.asarray(np.nan_to_num(self.centres[name]).astype(like.dtype))

    def resting(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """By dotted name which entries are exactly at their kinks, perhaps of many restarts."""
        return {n: values[n] == c.astype(values[n].dtype) for n, c in self.centres.items()}

    def steepest(
        self, values: Mapping[str, Array], smooth: Mapping[str, Array]
    ) -> dict[str, Array]:
        """The slope of the whole, from that of its smooth part; at a kink the least there is."""
        out, rests = dict(smooth), self.resting(values)
        for name, strength in self.strengths(values).items():
            slope = smooth[name]
            least = soft_threshold(slope, strength)
            side = jnp.sign(values[name] - self._centre(name, values[name]))
            out[name] = jnp.where(rests[name], least, slope - strength * side)
        return out

    def aside(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """The same parameters, entries at their kinks moved by less than any rounding."""
        rests = self.resting(values)
        moved = {n: jnp.where(rests[n], values[n] + gap(values[n]), values[n]) for n in rests}
        return {**values, **moved}


def gap(centre: Array) -> Array:
    """The smallest length that leads away from a number."""
    next_one = jnp.nextafter(centre, jnp.full_like(centre, jnp.inf)) - centre
    return jnp.where(centre == 0, _NEXT_TO_ZERO, next_one)
