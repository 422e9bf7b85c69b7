r"""The density that is sampled or approximated: the posterior in unconstrained coordinates.

.. math:: \log p(X \mid \theta) + \log p(\theta) + \log | \partial \theta / \partial u |,
          \qquad \theta = \theta(u)

The coordinates u are NumPyro's (logarithms, logits by stick-breaking, Cholesky factors). The
Jacobian belongs to the density, not to the model: the mode that EM finds is that of the first two
terms alone, and the mode of all three lies elsewhere.
"""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from jax.flatten_util import ravel_pytree
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

from jaxem.compiled.program import CompiledProgram
from jaxem.estep.source import Source
from jaxem.likelihood.evidence import Values, of_source
from jaxem.model import Model
from jaxem.numerics.newton import Top, climb
from jaxem.posterior.program import order_of_priors, sample_parameters, site_name
from jaxem.traces.plain import plain
from jaxem.types import Array

Potential = Callable[[dict[str, Array], Source], Array]


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
        self._order = order_of_priors(model)
        self._factor = site_name(model, "log_likelihood")
        zeros = {p.name: jnp.zeros(p.unconstrained_shape, self.dtype) for p in model.free}
        flat, self.split = ravel_pytree(zeros)
        self.size = flat.size
        self._potential = _with_gradient(self._negative)
        self._slope = CompiledProgram(jax.value_and_grad(self._log_density), "log density")
        self._climb = CompiledProgram(self._top, "mode", brief=True)
        self._inward = CompiledProgram(self._flatten, "coordinates", brief=True)
        self._constrain = CompiledProgram(self._sites, "parameters", inside=True)
        self._outward = CompiledProgram(jax.vmap(self._sites, in_axes=(0, None)), "parameters")

    def program(self, source: Source) -> None:
        """The NumPyro program: a site a parameter, and the whole evidence as one factor."""
        values = sample_parameters(self.model, self._order)
        numpyro.factor(self._factor, of_source(self.model, values, source))

    def coordinates(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Flat coordinates (d,) of parameters by dotted name, which are inside their supports."""
        free = {p.name: jnp.asarray(values[p.name], self.dtype) for p in self.model.free}
        return np.asarray(self._inward(free, self.source), float)

    def parameters(self, u: np.ndarray) -> dict[str, Array]:
        """Parameters by dotted name of stacked flat coordinates (S, d), the fixed ones too."""
        return self._outward(jax.vmap(self.split)(jnp.asarray(u, self.dtype)), self.source)

    def potential(self, u: dict[str, Array]) -> Array:
        """The negative log density at coordinates by dotted name."""
        return self._potential(u, self.source)

    def constrain(self, u: dict[str, Array]) -> dict[str, Array]:
        """Parameters by dotted name at coordinates by dotted name, the fixed ones too."""
        return self._constrain(u, self.source)

    def slope(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """Log density and gradient (d,); a density that is no number counts as none."""
        value, gradient = self._slope(jnp.asarray(u, self.dtype), self.source)
        return float(jnp.nan_to_num(value, nan=-jnp.inf)), np.asarray(gradient, float)

    def climb(self, u: np.ndarray) -> Top:
        """The mode near flat coordinates (d,), and the second derivatives there."""
        return self._climb(jnp.asarray(u, self.dtype), self.source)

    def _negative(self, u: dict[str, Array], source: Source) -> Array:
        return jnp.asarray(potential_energy(self.program, (source,), {}, u))

    def _log_density(self, u: Array, source: Source) -> Array:
        return -self._negative(self.split(u), source)

    def _top(self, u: Array, source: Source) -> Top:
        return climb(partial(self._log_density, source=source), u)

    def _flatten(self, values: Values, source: Source) -> Array:
        return ravel_pytree(unconstrain_fn(self.program, (source,), {}, dict(values)))[0]

    def _sites(self, u: dict[str, Array], source: Source) -> dict[str, Array]:
        found = constrain_fn(self.program, (source,), {}, u, return_deterministic=True)
        return {p.name: found[p.name] for p in self.model.parameters}


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
