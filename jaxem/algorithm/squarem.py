r"""Squared extrapolation of EM (Varadhan and Roland 2008, scheme S3, made monotone).

From :math:`u_0` two EM steps give :math:`r = F(u_0) - u_0` and the change of that residual,
:math:`v = F(F(u_0)) - 2 F(u_0) + u_0`. With :math:`\alpha = \lVert r \rVert / \lVert v \rVert`,
an estimate of :math:`1 / (1 - \lambda)` for EM's rate :math:`\lambda`, the extrapolation is to
:math:`u_0 + 2 \alpha r + \alpha^2 v`. One EM step from there begins the next cycle: three
evaluations of the map a cycle. An extrapolation that is refused is tried once more with half of
what :math:`\alpha` exceeds 1. No :math:`\alpha` is larger than a limit, which grows fourfold when
it was reached and shrinks when both extrapolations were refused.

    R. Varadhan and C. Roland (2008), "Simple and globally convergent methods for accelerating the
    convergence of any EM algorithm", Scandinavian Journal of Statistics 35, 335-353.
"""

import dataclasses
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxem.algorithm.algorithm import Proposal
from jaxem.algorithm.coordinates import extrapolate, flatten, weights, width
from jaxem.algorithm.wrapped import Wrapped
from jaxem.estep.expectation import Values
from jaxem.model import Model
from jaxem.types import Array

_FACTOR = 4.0
_FIRST, _SECOND, _EXTRAPOLATED, _EXTRAPOLATED_AGAIN = range(4)
_HIGHEST = 12.0


class Cycle(NamedTuple):
    """The memory of SQUAREM: a cycle of three evaluations.

    Attributes:
        phase: 0 at the first point of a cycle, 1 after one EM step, 2 after the extrapolation, 3
            after a shorter one.
        origin: Coordinates u_0 of the first point, (d,).
        move: The EM step r from the first point, (d,).
        change: Its change v from the first point to the second, (d,).
        alpha: The length alpha of the extrapolation.
        level: Number of times that the limit of alpha was raised, less times it was lowered.
    """

    phase: Array
    origin: Array
    move: Array
    change: Array
    alpha: Array
    level: Array


@dataclasses.dataclass(frozen=True)
class Squarem(Wrapped):
    """EM with squared extrapolation: two EM steps, an extrapolation, an EM step.

    Args:
        algorithm: The EM that is accelerated, ``EM()`` if left out.
    """

    @property
    def sentence(self) -> str:
        """The algorithm in words."""
        return (
            "SQUAREM around EM: after two EM steps a squared extrapolation; one "
            "that lowers the objective is halved once, then the EM step is taken"
        )

    def memory(self, model: Model, dtype: Any) -> Cycle:
        """The memory at the start of a cycle."""
        zeros: Any = np.zeros(width(model), dtype)
        zero: Any = np.zeros((), dtype)
        return Cycle(zero.astype(np.int32), zeros, zeros, zeros, zero, zero)  # pyright: ignore

    def propose(self, model: Model, memory: Cycle, values: Values, image: Values) -> Proposal:
        """The image, or after one EM step the extrapolation."""
        u = flatten(model, values)
        move = flatten(model, image) - u
        first, second = memory.phase == _FIRST, memory.phase == _SECOND
        scale = weights(model, values)
        change = jnp.where(second, move - memory.move, memory.change)
        limit = _FACTOR ** (memory.level + 1)
        length = _norm(memory.move * scale) / jnp.maximum(_norm(change * scale), 1e-30)
        hit = second & (length >= limit)
        cycle = Cycle(
            phase=jnp.where(first, _SECOND, jnp.where(second, _EXTRAPOLATED, _FIRST)).astype(
                jnp.int32
            ),
            origin=jnp.where(first, u, memory.origin),
            move=jnp.where(first, move, memory.move),
            change=change,
            alpha=jnp.clip(length, 1.0, limit),
            level=jnp.minimum(memory.level + hit, _HIGHEST),
        )
        return _extrapolated(model, cycle, image, second)

    def refuse(self, model: Model, memory: Cycle, image: Values) -> Proposal:
        """A shorter extrapolation; if that was refused, too, the image, and a lower limit."""
        again = memory.phase == _EXTRAPOLATED
        lower = jnp.maximum(memory.level - 1, 0.0)
        cycle = memory._replace(
            phase=jnp.where(again, _EXTRAPOLATED_AGAIN, _FIRST).astype(jnp.int32),
            alpha=(1 + memory.alpha) / 2,
            level=jnp.where(again, memory.level, lower),
        )
        return _extrapolated(model, cycle, image, again)


def _extrapolated(model: Model, cycle: Cycle, image: Values, wanted: Array) -> Proposal:
    """The extrapolation, if it is wanted and alpha exceeds 1; else the image, and a new cycle."""
    alpha = cycle.alpha
    target = cycle.origin + 2 * alpha * cycle.move + alpha**2 * cycle.change
    extrapolated = wanted & (alpha > 1) & jnp.all(jnp.isfinite(target))
    phase = jnp.where(wanted & ~extrapolated, _FIRST, cycle.phase)
    return Proposal(
        extrapolate(model, target, image, extrapolated), cycle._replace(phase=phase), extrapolated
    )


def _norm(x: Array) -> Array:
    return jnp.sqrt(jnp.sum(x**2))
