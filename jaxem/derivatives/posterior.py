r"""The log posterior as a function of coordinates and of all that it depends on.

With F the log posterior, u its coordinates and s an input, the derivative of the mode is
:math:`I^{-1} \partial^2 F / \partial u \partial s`. A gradient v of something that depends on the
mode is therefore carried to all inputs at once by one solution of :math:`I \lambda = v`, and

.. math:: \lambda^\top \frac{\partial^2 F}{\partial u\,\partial s}
    = \frac{d}{d\epsilon} \frac{\partial F}{\partial s}(u + \epsilon \lambda, s),

one gradient in the inputs, differentiated along :math:`\lambda`: forward over reverse, which chains
admit as well as rows.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxem.derivatives.hyper import Family
from jaxem.likelihood.units import make_source, total_evidence
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.model.sequences import Sequences
from jaxem.numerics.columns import columns
from jaxem.types import Array, Data


class Inputs(NamedTuple):
    """The inputs of a fit, on which its mode depends.

    Attributes:
        rows: The leaves of all rows that are floats, (N, ...); None in place of the others.
        weights: Weights of rows or sequences, (n,).
        hyper: Hyper-parameters.
    """

    rows: Data
    weights: Array
    hyper: Any


#: A scalar, of coordinates (d,) and of inputs.
Density = Callable[[Array, Any], Array]


@dataclasses.dataclass(frozen=True, eq=False)
class PosteriorFamily:
    """The log posterior of a model for any inputs.

    Attributes:
        model: The model.
        sequences: The sequences of the steps, or None for independent rows.
        family: Its priors.
    """

    model: Model
    sequences: Sequences | None
    family: Family

    def split(self, rows: Data, weights: Any, hyper: Any) -> tuple[Inputs, Data]:
        """Inputs, and the leaves of the rows that are no floats.

        Args:
            rows: All rows, or steps, leaves (N, ...), traced or not.
            weights: Weights of rows or sequences, (n,).
            hyper: Hyper-parameters.
        """
        floats, rest = eqx.partition(jax.tree.map(jnp.asarray, rows), eqx.is_inexact_array)
        return Inputs(floats, jnp.asarray(weights, jnp.result_type(float)), hyper), rest

    def log_posterior(self, values: Mapping[str, Array], inputs: Inputs, rest: Data) -> Array:
        """A scalar, at interior parameters by dotted name; differentiable in all floats."""
        weights = inputs.weights
        if self.sequences is not None:
            weights = weights[np.repeat(np.arange(len(weights)), self.sequences.lengths)]
        bound = Bound(self.model, eqx.combine(inputs.rows, rest), self.sequences)
        source = make_source(bound, weights)
        total = total_evidence(self.model, values, source)
        return total + self.family.log_prior(values, inputs.hyper)


def hessian(density: Density, u: Array, inputs: Any) -> Array:
    """Second derivatives in the coordinates, (d, d), one gradient a column."""
    return columns(jax.grad(lambda u: density(u, inputs)), u)[1]


def pull(density: Density, u: Array, inputs: Any, direction: Array) -> Any:
    """Mixed second derivatives along a direction of the coordinates (d,), as the inputs are."""

    def gradient(u: Array) -> Any:
        return jax.grad(lambda inputs: density(u, inputs))(inputs)

    return jax.jvp(gradient, (u,), (direction,))[1]
