"""Unknowns of independent blocks: parameters as arrays (B, d), and derivatives of all blocks."""

import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.solvers import Block
from jaxem.estep.expectation import Values
from jaxem.model import Model
from jaxem.model.prior import Parameter
from jaxem.types import Array

#: Columns of the Hessian that are computed at once.
_AT_ONCE = 64


class Unknowns:
    """The unknowns of a block, (B, d): conversion from and to parameters."""

    def __init__(self, model: Model, block: Block):
        self.parameters = [model.parameter(name) for name in block.names]
        self.batch = block.batch
        self.identity = block.quadratic

    def pack(self, values: Values) -> Array:
        """Unknowns (B, d) from parameters by dotted name."""
        return self.concatenated({p.name: self.coordinates(p, values) for p in self.parameters})

    def coordinates(self, p: Parameter, values: Values) -> Array:
        """The parameter itself if Q is quadratic in it, else its unconstrained coordinates."""
        return values[p.name] if self.identity else p.unconstrain(values[p.name])

    def concatenated(self, coordinates: Mapping[str, Array]) -> Array:
        """Arrays of the shapes of the coordinates, concatenated as (B, d)."""
        columns = []
        for p, batch in zip(self.parameters, self.batch, strict=True):
            front = jnp.moveaxis(coordinates[p.name], batch, range(len(batch)))
            columns.append(front.reshape(math.prod(front.shape[: len(batch)]), -1))
        return jnp.concatenate(columns, -1)

    def unitless(self) -> np.ndarray:
        """For each unknown of a block, whether it is a logarithm or logit, (d,)."""
        widths = [
            int(np.prod([n for a, n in enumerate(p.unconstrained_shape) if a not in batch]))
            for p, batch in zip(self.parameters, self.batch, strict=True)
        ]
        return np.repeat([not p.support.is_real for p in self.parameters], widths)

    def unpack(self, x: Array) -> dict[str, Array]:
        """Parameters by dotted name from unknowns (B, d)."""
        out, start = {}, 0
        for p, batch in zip(self.parameters, self.batch, strict=True):
            shape = p.shape if self.identity else p.unconstrained_shape
            kept = [shape[a] for a in batch]
            rest = [n for a, n in enumerate(shape) if a not in batch]
            width = int(np.prod(rest))
            front = x[:, start : start + width].reshape(kept + rest)
            u = jnp.moveaxis(front, range(len(batch)), batch)
            out[p.name] = u if self.identity else p.constrain(u)
            start += width
        return out


def derivatives(objective: Callable[[Array], Array], x: Array) -> tuple[Array, Array, Array]:
    """Value, gradient (B, d), and the diagonal blocks (B, d, d) of the Hessian."""
    both = jax.value_and_grad(objective)
    unit = jnp.eye(x.shape[1], dtype=x.dtype)
    moves = jnp.broadcast_to(unit[:, None, :], (x.shape[1], *x.shape))
    (value, gradient), push = jax.linearize(both, x)

    def image(move: Array) -> Array:
        return push(move)[1]

    few = len(moves) <= _AT_ONCE
    columns = jax.vmap(image)(moves) if few else jax.lax.map(image, moves, batch_size=_AT_ONCE)
    return value, gradient, jnp.moveaxis(columns, 0, -1)
