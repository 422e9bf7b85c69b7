"""EM over minibatches: the options, and the sufficient statistics as arrays.

Where sufficient statistics were found, Q depends on the data through the anchor weights and the
expected counts alone (`estep.anchored`). Both are sums over rows: each minibatch has its own, and
those of minibatches add up.
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
    """Sufficient statistics, of which Q is a function.

    Attributes:
        counts: Expected count of each configuration, (C,).
        anchor_weights: Signed weights of the anchors, (1, r, C).
    """

    counts: Array
    anchor_weights: Array


@dataclasses.dataclass(frozen=True)
class Minibatches(Wrapped):
    """EM over minibatches: what `Online` and `Incremental` share.

    Args:
        algorithm: The EM whose E- and M-step are used, ``EM()`` if left out.
        batch_size: Rows of a minibatch; of chains, sequences.

    Raises:
        DeclarationError: If ``batch_size`` is no positive integer, or the M-step reads rows.
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
        """Number of minibatches that so many rows are cut into."""
        return -(-rows // self.batch_size)

    def gather(self, model: Model, values: Values, source: Source) -> tuple[Array, Statistics]:
        """The summed evidence of the rows, and their sufficient statistics."""
        evidence, counts, q = source.expect(model, self.e_step, values)
        assert q.kept is not None
        return evidence, Statistics(counts, q.kept)

    def maximise(
        self, model: Model, plan: Plan, values: Values, source: Any, found: Statistics
    ) -> dict[str, Array]:
        """The M-step on sufficient statistics: the new parameters by dotted name."""
        batch, (counts, anchor_weights) = source.anchors, found
        q = source.q(model, self.e_step, batch, values, counts, anchor_weights)
        return self.m_step(plan, q, values, tuple(p.name for p in model.free))
