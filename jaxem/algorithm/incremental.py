r"""Incremental EM (Neal and Hinton 1998).

EM maximises the free energy :math:`F(q, \theta) = E_q \log p(x, z, \theta) + H(q)` over q and
:math:`\theta` in turns, and F does not fall if q is renewed for a minibatch alone before the next
M-step. With the sufficient statistics of every minibatch kept, that is
:math:`S \leftarrow S - S_b^{old} + S_b^{new}`, and the M-step on S. A step is a sweep over all
minibatches. It begins with an E-step over all rows at the candidate, so F is the objective there;
since the objective is never below F, it does not fall from sweep to sweep either, and nothing need
be remembered between sweeps.

    R. M. Neal and G. E. Hinton (1998), "A view of the EM algorithm that justifies incremental,
    sparse, and other variants", in M. I. Jordan (ed.), Learning in Graphical Models, 355-368.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.algebra.plan import Plan
from jaxem.algorithm.algorithm import Step
from jaxem.algorithm.minibatches import Minibatches, Statistics
from jaxem.estep.anchored import Anchored
from jaxem.estep.expectation import Values
from jaxem.estep.source import Source
from jaxem.model import Model


@dataclasses.dataclass(frozen=True)
class Incremental(Minibatches):
    """EM with an M-step after each minibatch; a step is a sweep over all of them.

    It needs sufficient statistics, and ends as EM does. With one minibatch it is EM.

    Args:
        algorithm: The EM whose E- and M-step are used, ``EM()`` if left out.
        batch_size: Rows of a minibatch; of chains, sequences.

    Raises:
        DeclarationError: If ``batch_size`` is no positive integer, or the M-step reads rows.
    """

    @property
    def sentence(self) -> str:
        """The algorithm in words."""
        return (
            f"incremental EM, minibatches of {self.batch_size}: a step is a sweep over all of them"
        )

    @property
    def extrapolates(self) -> bool:
        """False: a sweep never lowers the objective."""
        return False

    def step(self, model: Model, plan: Plan, values: Values, source: Source, memory: Any) -> Step:
        """A sweep; a step of EM on paths without sufficient statistics."""
        if source.parts == 1 or not isinstance(source, Anchored):
            return self.algorithm.step(model, plan, values, source, memory)
        numbers = jnp.arange(source.parts)
        evidence, kept = jax.lax.map(
            lambda number: self.gather(model, values, source.part(number)), numbers
        )

        def renew(carry, number):
            current, kept = carry
            _, new = self.gather(model, current, source.part(number))
            kept = jax.tree.map(lambda a, b: a.at[number].set(b), kept, new)
            return (self.maximise(model, plan, current, source, _mean(kept)), kept), None

        (image, _), _ = jax.lax.scan(renew, (dict(values), kept), numbers)
        prior = model.prior_density(values)
        return Step(evidence.mean(), prior, kept.counts.mean(0), image, memory)


def _mean(kept: Statistics) -> Statistics:
    """The statistics of all rows: the mean over minibatches, each weighted as all rows.

    The mean is taken afresh: updated by differences, a statistic that is zero would become
    rounding, and a probability of zero negative.
    """
    return jax.tree.map(lambda leaf: leaf.mean(0), kept)
