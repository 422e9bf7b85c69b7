r"""The density that is sampled or approximated: the posterior in unconstrained coordinates.

.. math:: \log p(X \mid \theta) + \log p(\theta) + \log | \partial \theta / \partial u |,
          \qquad \theta = \theta(u)

The coordinates u are NumPyro's (logarithms, logits by stick-breaking, Cholesky factors). The
Jacobian belongs to the density, not to the model: the mode that EM finds is that of the first two
terms alone, and the mode of all three lies elsewhere.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.compiled.program import CompiledProgram
from jaxem.estep.source import Source
from jaxem.likelihood.unconstrained import coordinates, parameters, sites
from jaxem.likelihood.units import total_evidence
from jaxem.model import Model
from jaxem.numerics.newton import Top, climb
from jaxem.numerics.symmetric import spectrum
from jaxem.traces.plain import plain
from jaxem.types import Array

Potential = Callable[[dict[str, Array], Source], Array]


class Mode(NamedTuple):
    """A mode of the density in unconstrained coordinates.

    Attributes:
        u: Flat coordinates, (d,).
        log_density: Log density there.
        precision: The negative Hessian there, (d, d), as it is.
        reached: Whether Newton's method converged.
        is_peak: Whether the density curves downwards in every direction, beyond rounding.
    """

    u: np.ndarray
    log_density: float
    precision: np.ndarray
    reached: bool
    is_peak: bool


class Target:
    """The log density at flat coordinates, compiled, with its gradient and the mode near a point.

    Args:
        model: The declared model.
        source: The data, weighted, as rows or as what replaces them.
    """

    def __init__(self, model: Model, source: Source):
        self.model = model
        self.source = source
        self.dtype = source.batch.weights.dtype
        self.size = sum(math.prod(p.unconstrained_shape) for p in model.free)
        self.split = partial(sites, model)
        self._potential = _with_gradient(self._negative)
        self._slope = CompiledProgram(jax.value_and_grad(self._log_density), "log density")
        self._climb = CompiledProgram(self._top, "mode", brief=True)
        self._constrain = CompiledProgram(self._values, "parameters", inside=True)
        self._outward = CompiledProgram(jax.vmap(self._values), "parameters")

    def coordinates(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Flat coordinates (d,) of parameters by dotted name, which are inside their supports."""
        return np.asarray(coordinates(self.model, values), float)

    def parameters(self, u: np.ndarray) -> dict[str, Array]:
        """Parameters by dotted name of stacked flat coordinates (S, d), the fixed ones too."""
        return self._outward(jax.vmap(self.split)(jnp.asarray(u, self.dtype)))

    def potential(self, u: dict[str, Array]) -> Array:
        """The negative log density at coordinates by dotted name."""
        return self._potential(u, self.source)

    def constrain(self, u: dict[str, Array]) -> dict[str, Array]:
        """Parameters by dotted name at coordinates by dotted name, the fixed ones too."""
        return self._constrain(u)

    def slope(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """Log density and gradient (d,); a density that is no number counts as none."""
        value, gradient = self._slope(jnp.asarray(u, self.dtype), self.source)
        return float(jnp.nan_to_num(value, nan=-jnp.inf)), np.asarray(gradient, float)

    def mode(self, start: np.ndarray) -> Mode:
        """The mode that Newton's method reaches from flat coordinates (d,)."""
        top = self._climb(jnp.asarray(start, self.dtype), self.source)
        u, hessian = np.asarray(top.u, float), np.asarray(top.hessian, float)
        precision, least = -(hessian + hessian.T) / 2, 100 * len(u) * np.finfo(self.dtype).eps
        peak = np.all(np.isfinite(precision)) and spectrum(precision)[0].min() > least
        return Mode(u, float(top.value), precision, bool(top.reached), bool(peak))

    def _negative(self, u: dict[str, Array], source: Source) -> Array:
        values, volume = parameters(self.model, u)
        evidence = total_evidence(self.model, values, source)
        return -(evidence + self.model.prior_density(values) + volume)

    def _log_density(self, u: Array, source: Source) -> Array:
        return -self._negative(self.split(u), source)

    def _top(self, u: Array, source: Source) -> Top:
        return climb(partial(self._log_density, source=source), u)

    def _values(self, u: dict[str, Array]) -> dict[str, Array]:
        values, _ = parameters(self.model, u)
        return {p.name: values[p.name] for p in self.model.parameters}


def _with_gradient(potential: Potential) -> Potential:
    """The same function, with a gradient of array code for a sampler that compiles it itself."""
    both = plain(jax.value_and_grad(potential))

    @jax.custom_vjp
    def value(u: dict[str, Array], source: Source) -> Array:
        return plain(potential)(u, source)

    def forward(u: dict[str, Array], source: Source):
        return both(u, source)

    def backward(slope: dict[str, Array], change: Array):
        return jax.tree.map(lambda leaf: change * leaf, slope), None

    value.defvjp(forward, backward)
    return value
