r"""Entropy of the posterior of the latent states, and the log probability of its mode.

With f the log factors of a unit, r their posterior and z its states (a path, for a chain), the
entropy is :math:`\log Z - \langle r, f \rangle`, and the log probability of the mode
:math:`\max_z f(z) - \log Z`.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxem.estep.expectation import over_blocks
from jaxem.estep.source import Source
from jaxem.latent.links import Dense, Links
from jaxem.likelihood.evidence import Values, factors
from jaxem.model import Model
from jaxem.types import Array


class Sureness(NamedTuple):
    """Evidence, entropy and mode of each unit, (blocks, size).

    Attributes:
        evidence: Log evidence.
        entropy: Entropy of the posterior of its states.
        top: Log probability of the most probable states.
    """

    evidence: Array
    entropy: Array
    top: Array


def sureness(model: Model, values: Values, source: Source) -> Sureness:
    """Evidence, entropy and log probability of the mode of every unit.

    Args:
        model: The declared model.
        values: Parameters by dotted name.
        source: `Units.source`.
    """

    def block(nothing, inputs):
        logs = factors(model, values, source, inputs)
        evidence, responsibilities = model.latent.posterior(logs)
        best, _ = model.latent.hard(logs)
        return nothing, Sureness(
            evidence, evidence - _expected(responsibilities, logs), best - evidence
        )

    return over_blocks(block, jnp.zeros(()), source.blocks)[1]


def _expected(responsibilities: Any, factors: Any) -> Array:
    """Expected log joint of each unit under its posterior; zero times -inf counts as zero."""
    if not isinstance(factors, Links):
        return _product(responsibilities, factors).sum(-1)
    assert isinstance(factors.steps, Dense)
    later = _product(responsibilities.steps.factors, factors.steps.factors).sum((0, -2, -1))
    return _product(responsibilities.start, factors.start).sum(-1) + later


def _product(responsibilities: Array, factors: Array) -> Array:
    held = responsibilities > 0
    return jnp.where(held, responsibilities * jnp.where(held, factors, 0.0), 0.0)
