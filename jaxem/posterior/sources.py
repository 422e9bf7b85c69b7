"""Whether replaced data hold where a posterior went.

A fit that ran on replaced data to its end has shown that the replacement holds along its way; a
sampler goes elsewhere. So what it draws is looked at afterwards: the log joint is evaluated at
every row for a few of the draws, and where the replacement was wrong the work is done again.
"""

import jax.numpy as jnp
import numpy as np

from jaxem.compiled.program import CompiledProgram
from jaxem.estep.source import Source
from jaxem.likelihood.evidence import Values
from jaxem.likelihood.units import total_evidence
from jaxem.model import Model
from jaxem.types import Array

#: Draws that are looked at.
_LOOKS = 8

#: Nats that nobody notices in a posterior.
_HARMLESS = 1e-3


class Evidence:
    """The log evidence of all rows at given parameters, compiled."""

    def __init__(self, model: Model):
        self._program = CompiledProgram(
            lambda values, source: total_evidence(model, values, source), "evidence"
        )

    def __call__(self, values: Values, source: Source) -> float:
        """One number, at parameters by dotted name."""
        return float(self._program(dict(values), source))

    def agree(self, draws: dict[str, Array], one: Source, exact: Source) -> bool:
        """Whether two sources give the same evidence at a few draws, leaves (draws, ...)."""
        count = len(next(iter(draws.values())))
        eps = float(jnp.finfo(exact.batch.weights.dtype).eps)
        for k in np.unique(np.linspace(0, count - 1, min(_LOOKS, count)).astype(int)):
            values = {name: leaf[k] for name, leaf in draws.items()}
            right = self(values, exact)
            if not abs(self(values, one) - right) <= _HARMLESS + 100 * eps * (1 + abs(right)):
                return False
        return True
