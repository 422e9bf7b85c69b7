"""What algorithms over minibatches share: which options, and statistics as arrays.

Where sufficient statistics were found, Q depends on the data through the weights of the anchors and
the expected counts alone (`estep.anchored`), and both are sums over rows: a minibatch has its own,
and those of minibatches add up.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm.em import EM
from jaxem.algorithm.wrapped import Wrapped
from jaxem.estep.expectation import Values
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.types import Array, DeclarationError


class Statistics(NamedTuple):
    """What Q is made of.

    Attributes:
        counts: Expected count of each state, (K,).
        responsibilities: Signed weights of anchors and states, (1, r, K).
    """

    counts: Array
    responsibilities: Array


@dataclasses.dataclass(frozen=True)
class Minibatches(Wrapped):
    """EM over minibatches.

    Args:
        algorithm: The EM whose E- and M-step are used, ``EM()`` if left out.
        batch_size: Rows of a minibatch; of chains, sequences.

    Raises:
        DeclarationError: If that is no size, or the M-step reads rows.
    """

    batch_size: int = dataclasses.field(kw_only=True)

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not isinstance(self.algorithm, EM):
            raise DeclarationError(
                f"jaxem.{name} runs the E- and M-step of jaxem.EM(...) on minibatches; got "
                f"{self.algorithm!r}."
            )
        if self.m_step.reads_rows:
            raise DeclarationError(
                f"jaxem.{name} has rows of one minibatch at a time, and a ClosedForm update is to "
                f"see all of them. Leave the update out, and jaxem derives the M-step, or run "
                f"jaxem.EM(...) as it is."
            )
        size = self.batch_size
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise DeclarationError(
                f"jaxem.{name}: batch_size must be an integer of at least 1; got {size!r}."
            )

    def parts(self, rows: int) -> int:
        """Into how many minibatches so many rows are cut."""
        return -(-rows // self.batch_size)

    def gather(self, model: Model, values: Values, source: Source) -> tuple[Array, Statistics]:
        """The summed evidence of rows and their statistics."""
        evidence, counts, q = source.expect(model, self.e_step, values)
        assert q.kept is not None
        return evidence, Statistics(counts, q.kept)

    def maximise(
        self, model: Model, plan: Plan, values: Values, source: Any, found: Statistics
    ) -> dict[str, Array]:
        """The M-step on statistics."""
        batch, (counts, responsibilities) = source.anchors, found
        q = source.q(model, self.e_step, batch, values, counts, responsibilities)
        return self.m_step(plan, q, values, tuple(p.name for p in model.free))
