r"""An epoch of stochastic gradient ascent of the log posterior.

Each minibatch gives a gradient in real coordinates: that of Q where its E-step was made (Fisher's
identity), its rows standing for all rows, the prior counted once. Coordinates are measured as the
information does (`coordinates.weights`), so that one size of step serves locations in any unit and
probabilities of any size.
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


def descend(
    model: Model,
    e_step: EStep,
    optimizer: optax.GradientTransformation,
    source: Source,
    values: Values,
    order: Array,
    sizes: Array,
) -> dict[str, Array]:
    """Visit every minibatch once.

    Args:
        model: The declared model.
        e_step: How responsibilities are made.
        optimizer: Makes updates of gradients; it starts afresh.
        source: The rows, in minibatches.
        values: Where to start.
        order: Minibatches, (B,).
        sizes: What the updates are multiplied by, (B,).

    Returns:
        The parameters after the last minibatch.
    """
    measure = weights(model, values)
    unit = jnp.where(measure > 0, 1 / jnp.where(measure > 0, measure, 1.0), 0.0)
    rows = source.batch.weights.sum()

    def loss(move: Array, there: Values, q) -> Array:
        return -q(
            extrapolate(model, flatten(model, there) + unit * move, there, jnp.ones((), bool))
        )

    def visit(carry, turn):
        there, state = carry
        place, size = turn
        _, _, q = source.part(place).expect(model, e_step, there)
        still = jnp.zeros_like(unit)
        gradient = jax.grad(loss)(still, there, q) / rows
        updates, state = optimizer.update(gradient, state, still)
        move = flatten(model, there) + unit * size * updates
        return (extrapolate(model, move, there, jnp.ones((), bool)), state), None

    state = optimizer.init(jnp.zeros_like(unit))
    (there, _), _ = jax.lax.scan(visit, (dict(values), state), (order, sizes))
    return there
