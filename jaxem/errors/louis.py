r"""Missing information on replaced data, by Louis' formula.

.. math:: -\nabla^2 \log p(X) = -\nabla^2 Q -
          \sum_i w_i \operatorname{Cov}_{z \sim r_i}[\nabla \log p(x_i, z)]

Where log factors are products, :math:`\log p(x_i, z) = T_i \cdot \eta_z`, the scores are
:math:`T_i` times the Jacobian of :math:`\eta`. So the rows are met once, in one matrix
:math:`\sum_i w_i (\operatorname{diag} r_i - r_i r_i^\top) \otimes T_i T_i^\top` however many
parameters there are, and Q is differentiated at the anchors alone.

Source:
    T. A. Louis (1982), "Finding the observed information matrix when using the EM algorithm",
    Journal of the Royal Statistical Society B 44, 226-233.
"""

import jax
import jax.numpy as jnp

from jaxem.estep.anchored import Anchored
from jaxem.estep.expectation import over_blocks
from jaxem.likelihood.chart import Chart
from jaxem.model import Model
from jaxem.types import Array

#: Rows and columns of the matrix beyond which it would be larger than what it saves.
_LARGEST = 4096


def is_small(model: Model, source: Anchored) -> bool:
    """Whether the matrix over states and features is small enough to be made."""
    return model.latent.configurations * source.change.shape[0] <= _LARGEST


def missing_information(model: Model, chart: Chart, source: Anchored) -> Array:
    """The missing information, (d, d), at the point of the chart.

    Args:
        model: The declared model, with independent rows.
        chart: The point and its d coordinates.
        source: The data, on the product path.
    """

    def coefficients(u: Array) -> Array:
        return source.coefficients_of(model, chart.values(model, u))

    eta_t = coefficients(chart.point)
    states, features = eta_t.shape
    slope = jax.jacfwd(coefficients)(chart.point).reshape(states * features, -1)

    def block(total, inputs):
        rows, weights, stored = inputs
        t = source.features_of(rows, stored)
        responsibilities = model.latent.marginals(t @ eta_t.T)
        scores = (responsibilities[:, :, None] * t[:, None, :]).reshape(len(t), states * features)
        counted = responsibilities * weights[:, None]
        own = jnp.einsum("nk,nf,ng->kfg", counted, t, t, optimize="optimal")
        spread = (scores.T * weights) @ scores
        each = jnp.arange(states)
        whole = (-spread).reshape(states, features, states, features)
        whole = whole.at[each, :, each, :].add(own)
        return total + whole.reshape(total.shape), None

    zero = jnp.zeros((states * features, states * features), eta_t.dtype)
    found, _ = over_blocks(block, zero, source.blocks)
    return slope.T @ found @ slope
