r"""Agreement of two parameter values on the data, whatever the labels of their states.

With responsibilities r and r', :math:`M_{kl} = \sum_i w_i \min(r_{ik}, r'_{il})`. The assignment of
states that maximises :math:`\sum_k M_{k \pi(k)}` (Kuhn 1955) matches their labels, and one less its
share of the total weight is a distance: the share of the data that the two assign differently.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import linear_sum_assignment

from jaxem.estep.expectation import Values, over_blocks
from jaxem.estep.source import Source
from jaxem.fitting import Fit
from jaxem.latent.links import Dense, Links
from jaxem.likelihood.units import Units, evidence, factors, in_line, make_units
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.model.declaration import check_call
from jaxem.numerics.rows import take_rows
from jaxem.types import Array, Data


class Overlap:
    """The overlap of parameters with a reference on the data of a fit, compiled.

    Args:
        fit: The fit.
        data: Its data, or others of the declared form.
        weights: Weights of rows, or of sequences, (n,).
        lengths: For a chain, the steps of each sequence, (n,).
    """

    def __init__(self, fit: Fit, data: Data, weights: Any, lengths: Any):
        bound: Bound = fit.bound(data, lengths)
        check_call(bound.model, take_rows(bound.rows, 0))
        self.model: Model = bound.model
        self.rows = bound.rows
        self.units: Units = make_units(bound, bound.weigh(weights), merge=True)
        self._program = fit.compile(("overlap",), _overlap_function(self.model))
        self._densities = fit.compile(("densities",), _density_function(self.model))

    def __call__(
        self, stacked: dict[str, Array], one: dict[str, Array]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compare parameters, leaves (S, ...), with those of one reference.

        Returns:
            For each the states that match states 0, 1, ... of the reference, (S, K); and the
            distance, (S,), which is 1 for parameters with NaN.
        """
        found = np.asarray(self._program(stacked, one, self.units.source), float)
        orders = np.stack([linear_sum_assignment(-np.nan_to_num(m).T)[1] for m in found])
        kept = np.take_along_axis(found, orders[:, None, :], 1)[:, 0]
        return orders, 1 - kept.sum(1) / self.units.total

    def log_densities(self, stacked: dict[str, Array]) -> np.ndarray:
        """Log evidence of every unit under each of stacked parameters, (S, n); absent ones 0."""
        found = in_line(self._densities(stacked, self.units.source), self.units.count)
        return np.where(self.units.weights > 0, found, 0.0)


def _density_function(model: Model):
    def densities(stacked: Values, source: Source) -> Array:
        return jax.lax.map(lambda values: evidence(model, values, source), stacked)

    return densities


def _overlap_function(model: Model):
    def overlap(stacked: Values, one: Values, source: Source) -> Array:
        def with_one(values: Values) -> Array:
            def block(total, inputs):
                first, second = (_responsibilities(model, v, source, inputs) for v in (values, one))
                least = jnp.minimum(first[:, :, None], second[:, None, :])
                return total + (inputs[1][:, None, None] * least).sum(0), None

            size = model.latent.size
            start = jnp.zeros((size, size), source.batch.weights.dtype)
            return over_blocks(block, start, source.blocks)[0]

        return jax.lax.map(with_one, stacked)

    return overlap


def _responsibilities(model: Model, values: Values, source: Source, inputs: Any) -> Array:
    """Posterior of the state of each row of a block, (rows, K)."""
    posterior = model.latent.posterior(factors(model, values, source, inputs))[1]
    if not isinstance(posterior, Links):
        return posterior
    assert isinstance(posterior.steps, Dense)
    later = posterior.steps.factors.sum(-2).reshape(-1, model.latent.size)
    return jnp.concatenate([posterior.start, later], 0)
