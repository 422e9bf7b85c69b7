r"""One step of Halley's method from the mode towards the mode without a row.

Without unit i the log posterior has the gradient :math:`-w_i s_i` at the mode, the information
:math:`A = I - w_i I_i`, and third derivatives T, with s the score of the unit and I_i the negative
Hessian of its log evidence. Newton's step :math:`\nu` and Halley's :math:`\delta` are

.. math:: \nu = -A^{-1} w_i s_i, \qquad
          \delta = -\left( A - \tfrac12 T[\nu] \right)^{-1} w_i s_i.

For a quadratic log posterior, as that of a regression, both are exact (Cook 1977; Pregibon 1981).
Otherwise the error of Newton's step falls with the second power of a row's share of the data, like
that of the derivative, and the error of Halley's with the third. All is done in coordinates in
which I is one. Where either matrix is not positive definite, no mode is near enough to be found so.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.errors.surface import Quantity, flat_quantity, log_posterior
from jaxem.estep.expectation import over_blocks
from jaxem.estep.order import later_steps
from jaxem.estep.source import Source
from jaxem.estep.steps import Steps
from jaxem.latent.links import dense_links
from jaxem.likelihood.chart import Chart
from jaxem.likelihood.evidence import in_units
from jaxem.model import Model
from jaxem.numerics.columns import columns
from jaxem.numerics.symmetric import solve_definite
from jaxem.types import Array


def third_function(model: Model):
    """A function of chart and source: third derivatives of the log posterior, (d, d, d)."""

    def third(chart: Chart, source: Source):
        gradient = jax.grad(lambda u: log_posterior(model, chart, source, u))
        return columns(lambda u: columns(gradient, u)[1], chart.point)[1]

    return third


def leave_out_function(model: Model, quantity: Quantity):
    """A function of chart, source, R, a root (d, k) of the inverse information, and the third.

    It returns, of each unit in blocks, the quantities without it, (blocks, size, m), and the
    squared length of the step, (blocks, size); NaN where there is no mode nearby.
    """

    def leave_out(chart: Chart, source: Source, root: Array, third: Array):
        white = jnp.einsum("abc,ai,bj,ck->ijk", third, root, root, root)
        size = root.shape[1]

        def block(nothing, inputs):
            weights = in_units(source, inputs[1])
            evidence = _of_each(model, chart, source, inputs, root)
            at = jnp.zeros((len(weights), size), root.dtype)

            def score(steps: Array) -> Array:
                return jax.grad(lambda steps: (weights * evidence(steps)).sum())(steps)

            def hessian(steps: Array) -> Array:
                return _columns_of_each(score, steps)

            information = jnp.eye(size) + hessian(at)
            newton = -solve_definite(information, score(at))
            own_change = jax.jvp(hessian, (at,), (newton,))[1]
            change = jnp.einsum("ni,ijk->njk", newton, white) - own_change
            step = -solve_definite(information - change / 2, score(at))

            def estimate(step: Array) -> Array:
                return flat_quantity(quantity, model, chart, chart.point + root @ step)

            return nothing, (jax.vmap(estimate)(step), (step**2).sum(1))

        return over_blocks(block, jnp.zeros(()), source.blocks)[1]

    return leave_out


def _of_each(
    model: Model, chart: Chart, source: Source, inputs: Any, root: Array
) -> Callable[[Array], Array]:
    """The log evidence of the units of a block, each at a step of its own, (size, k) to (size,).

    So one gradient gives the scores of all units, and one more for each coordinate their Hessians.
    """
    rows, weights = inputs[0], in_units(source, inputs[1])
    count = len(weights)
    # each unit's own rows, leaves (size, rows of a unit, ...)
    own = jax.tree.map(lambda x: x.reshape(-1, count, *x.shape[1:]).swapaxes(0, 1), rows)

    def table(step: Array, rows: Any) -> Array:
        return model.table(chart.values(model, chart.point + root @ step), rows)

    def evidence(steps: Array) -> Array:
        tables = jax.vmap(table)(steps, own)
        factors: Any = tables.swapaxes(0, 1).reshape(-1, tables.shape[-1])
        if isinstance(source, Steps):
            factors = dense_links(factors, later_steps(inputs[2], count), model.latent.size)
        return jnp.where(weights > 0, model.latent.log_partition(factors), 0.0)

    return evidence


def _columns_of_each(gradient: Callable[[Array], Array], steps: Array) -> Array:
    """Derivatives of a function of each unit's own step, (size, k), one coordinate at a time."""
    directions = jnp.eye(steps.shape[1], dtype=steps.dtype)

    def along(v: Array) -> Array:
        return jax.jvp(gradient, (steps,), (jnp.broadcast_to(v, steps.shape),))[1]

    return jnp.moveaxis(jax.lax.map(along, directions), 0, 1)
