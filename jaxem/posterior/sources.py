"""Whether replaced data give the right log likelihood at the draws of a sampler.

A fit checks its replaced data at the parameters that it visits; a sampler goes elsewhere. So a few
of its draws are checked afterwards by the log joint at every row, and if the replaced data are
wrong there, sampling is repeated on the rows.
"""

import jax.numpy as jnp
import numpy as np

from jaxem.compiled.program import CompiledProgram
from jaxem.estep.source import Source
from jaxem.likelihood.evidence import Values
from jaxem.likelihood.units import total_evidence
from jaxem.model import Model
from jaxem.types import Array

#: Draws that are checked.
_CHECKS = 8

#: Error of the log likelihood, in nats, that does not matter to a posterior.
_HARMLESS = 1e-3


class Evidence:
    """The log evidence of all rows at given parameters, compiled."""

    def __init__(self, model: Model):
        self._program = CompiledProgram(
            lambda values, source: total_evidence(model, values, source), "evidence"
        )

    def __call__(self, values: Values, source: Source) -> float:
        """The log evidence at parameters by dotted name, a scalar."""
        return float(self._program(dict(values), source))

    def agree(self, draws: dict[str, Array], one: Source, exact: Source) -> bool:
        """Whether two sources give the same evidence at a few draws, leaves (draws, ...)."""
        count = len(next(iter(draws.values())))
        eps = float(jnp.finfo(exact.batch.weights.dtype).eps)
        for k in np.unique(np.linspace(0, count - 1, min(_CHECKS, count)).astype(int)):
            values = {name: leaf[k] for name, leaf in draws.items()}
            target = self(values, exact)
            if not abs(self(values, one) - target) <= _HARMLESS + 100 * eps * (1 + abs(target)):
                return False
        return True
