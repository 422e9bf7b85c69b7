"""Gradient ascent on Q with optax, in unconstrained coordinates."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxem.algebra.plan import Plan
from jaxem.estep.expectation import Expectation, Values
from jaxem.mstep.conjugate import conjugate_gradient
from jaxem.mstep.mstep import MStep
from jaxem.types import Array, DeclarationError

_HALVINGS = 20

_NAMED = {"lbfgs": optax.lbfgs, "conjugate_gradient": conjugate_gradient}


@dataclasses.dataclass(frozen=True)
class Ascent(MStep):
    """The M-step of generalised EM: a few steps of an optimiser.

    The coordinates are unconstrained, so every support is respected; the target remains the density
    of the constrained parameters. After the last step the whole move is halved until Q does not
    fall.

    Args:
        optimizer: ``"lbfgs"``, ``"conjugate_gradient"``, both with a line search, or any optax
            optimiser. Its state is reset in every M-step, because Q is another function then; with
            at most ten steps, its memory, L-BFGS is BFGS.
        steps: Steps of an M-step.
    """

    optimizer: optax.GradientTransformation | str = "lbfgs"
    steps: int = 5

    def __post_init__(self):
        named = isinstance(self.optimizer, str)
        if self.optimizer not in _NAMED if named else not hasattr(self.optimizer, "update"):
            raise DeclarationError(
                f"Ascent takes {', '.join(map(repr, _NAMED))} or an optax optimiser, like "
                f"optax.adam(1e-2); got {self.optimizer!r}."
            )
        if not self.steps >= 1:
            raise DeclarationError(f"Ascent needs at least 1 step; got steps={self.steps!r}.")

    def __call__(
        self, plan: Plan, q: Expectation, values: Values, names: tuple[str, ...]
    ) -> dict[str, Array]:
        """Raise Q in these parameters, the others given."""
        parameters = [q.model.parameter(name) for name in names]

        def constrain(u: dict[str, Array]) -> dict[str, Array]:
            return {p.name: p.constrain(u[p.name]) for p in parameters}

        def loss(u: dict[str, Array]) -> Array:
            return -q({**values, **constrain(u)})

        start = {p.name: p.unconstrain(values[p.name]) for p in parameters}
        return {**values, **constrain(_guard(loss, start, self._descend(loss, start)))}

    def _descend(self, loss, start) -> Any:
        given = self.optimizer
        optimizer = _NAMED[given]() if isinstance(given, str) else given
        optimizer = optax.with_extra_args_support(optimizer)

        def step(carry, _):
            u, state = carry
            value, gradient = jax.value_and_grad(loss)(u)
            updates, state = optimizer.update(
                gradient, state, u, value=value, grad=gradient, value_fn=loss
            )
            return (optax.apply_updates(u, updates), state), None

        (u, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), length=self.steps)
        return u


def _guard(loss, start, end):
    """The first of the points end, half way to it from start, ..., with no higher loss."""
    before = loss(start)

    def between(scale):
        return jax.tree.map(lambda a, b: a + scale * (b - a), start, end)

    def worse(state):
        _, value, halvings = state
        return ~(value <= before) & (halvings < _HALVINGS)

    def halve(state):
        scale, _, halvings = state
        return scale / 2, loss(between(scale / 2)), halvings + 1

    scale, value, _ = jax.lax.while_loop(worse, halve, (jnp.ones_like(before), loss(end), 0))
    return jax.tree.map(lambda a, b: jnp.where(value <= before, b, a), start, between(scale))
