r"""An epoch of stochastic gradient ascent of the log posterior.

Each minibatch gives a gradient in real coordinates: that of Q at the parameters of its E-step
(Fisher's identity), the minibatch weighted as all rows, the prior counted once. Gradients are
preconditioned by a diagonal approximation of the information (`coordinates.weights`), so that one
step size serves locations in any unit and probabilities of any size.
"""

import jax
import jax.numpy as jnp
import optax

from jaxem.algorithm.coordinates import extrapolate, flatten, weights
from jaxem.estep import EStep
from jaxem.estep.expectation import Values
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.types import Array


def ascend(
    model: Model,
    e_step: EStep,
    optimizer: optax.GradientTransformation,
    source: Source,
    values: Values,
    order: Array,
    sizes: Array,
) -> dict[str, Array]:
    """The parameters after one gradient step for each minibatch, by dotted name.

    Args:
        model: The declared model.
        e_step: How responsibilities are made.
        optimizer: An optax optimiser, whose state starts afresh.
        source: The rows, in minibatches.
        values: The parameters to start from.
        order: Indices of the minibatches, (B,).
        sizes: Factors of the updates of the optimiser, (B,).
    """
    roots = weights(model, values)
    scale = jnp.where(roots > 0, 1 / jnp.where(roots > 0, roots, 1.0), 0.0)
    rows = source.batch.weights.sum()
    zeros = jnp.zeros_like(scale)

    def moved(u: Array, near: Values) -> dict[str, Array]:
        return extrapolate(model, u, near, jnp.ones((), bool))

    def loss(step: Array, values: Values, q) -> Array:
        return -q(moved(flatten(model, values) + scale * step, values))

    def ascend_one(carry, inputs):
        values, state = carry
        minibatch, size = inputs
        _, _, q = source.part(minibatch).expect(model, e_step, values)
        gradient = jax.grad(loss)(zeros, values, q) / rows
        updates, state = optimizer.update(gradient, state, zeros)
        u = flatten(model, values) + scale * size * updates
        return (moved(u, values), state), None

    state = optimizer.init(zeros)
    (values, _), _ = jax.lax.scan(ascend_one, (dict(values), state), (order, sizes))
    return dict(values)
