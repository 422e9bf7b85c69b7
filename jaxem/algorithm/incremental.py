r"""Incremental EM (Neal and Hinton 1998).

EM maximises the free energy :math:`F(q, \theta) = E_q \log p(x, z, \theta) + H(q)` in turns, and
nothing forbids to renew q for a part of the rows alone before the next M-step. With the statistics
of every minibatch kept, that is :math:`S \leftarrow S - S_b^{old} + S_b^{new}`, and the M-step on
S. F never falls. A step is a sweep over all minibatches. It begins with an E-step over all rows at
the parameters that are judged, so F is the objective there; since the objective is never below F,
it does not fall from sweep to sweep either, and the minibatches need no memory.

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
        DeclarationError: If that is no size, or the M-step reads rows.
    """

    @property
    def sentence(self) -> str:
        """What a step is."""
        return (
            f"incremental EM, minibatches of {self.batch_size}: a step is a sweep over all of them"
        )

    @property
    def extrapolates(self) -> bool:
        """False: a sweep never lowers the objective."""
        return False

    def step(self, model: Model, plan: Plan, values: Values, source: Source, memory: Any) -> Step:
        """A sweep; on every row, where a restart has left its statistics, a step of EM."""
        if source.parts == 1 or not isinstance(source, Anchored):
            return self.algorithm.step(model, plan, values, source, memory)
        places = jnp.arange(source.parts)
        evidence, kept = jax.lax.map(
            lambda place: self.gather(model, values, source.part(place)), places
        )

        def renew(carry, place):
            there, kept = carry
            _, new = self.gather(model, there, source.part(place))
            kept = jax.tree.map(lambda a, b: a.at[place].set(b), kept, new)
            return (self.maximise(model, plan, there, source, _mean(kept)), kept), None

        (image, _), _ = jax.lax.scan(renew, (dict(values), kept), places)
        prior = model.prior_density(values)
        return Step(evidence.mean(), prior, kept.counts.mean(0), image, memory)


def _mean(kept: Statistics) -> Statistics:
    """Each minibatch stands for all rows, and all of them on average do so exactly.

    The sum is taken afresh: where it is changed by differences, what should be zero becomes
    rounding, and a probability of zero a negative one.
    """
    return jax.tree.map(lambda leaf: leaf.mean(0), kept)
