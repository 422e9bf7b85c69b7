"""What an algorithm must answer: a map of parameters, and where to go from its image."""

import abc
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxem.algebra.plan import Plan
from jaxem.estep import EStep
from jaxem.estep.expectation import Values
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.mstep import MStep
from jaxem.types import Array


class Step(NamedTuple):
    """What one evaluation of the EM map found.

    Attributes:
        evidence: Sum of the weighted log evidence *at the parameters given*, a scalar.
        log_prior: Log density of the prior there, a scalar.
        counts: Expected count of each latent state there, (K,).
        image: What the E- and the M-step make of those parameters.
        memory: The algorithm's memory, with what it made of the data besides.
        rounding: Standard deviation of the rounding in the evidence beyond that of a sum over rows,
            a scalar; see `Expectation`.
    """

    evidence: Array
    log_prior: Array
    counts: Array
    image: dict[str, Array]
    memory: Any
    rounding: Array | float = 0.0


class Proposal(NamedTuple):
    """Where to go next.

    Attributes:
        values: The parameters to be judged next.
        memory: What the algorithm wants to know then.
        extrapolated: Whether the objective may fall there; if it does, `refuse` answers.
    """

    values: dict[str, Array]
    memory: Any
    extrapolated: Array


class Algorithm(abc.ABC):
    """An algorithm never loops: it is asked at every point that was judged good.

    Attributes:
        e_step: How responsibilities are made.
        m_step: How Q is raised.
    """

    e_step: EStep
    m_step: MStep

    @property
    def sentence(self) -> str:
        """What it does, for a reader; its name if it says nothing else."""
        return type(self).__name__

    @property
    def extrapolates(self) -> bool:
        """Whether proposals may be extrapolations; where not, the image is all that it proposes."""
        return False

    @abc.abstractmethod
    def step(self, model: Model, plan: Plan, values: Values, source: Source, memory: Any) -> Step:
        """The EM map at parameters by dotted name."""

    def memory(self, model: Model, dtype: Any) -> Any:
        """An empty memory of one restart: a pytree of NumPy zeros."""
        return ()

    def propose(self, model: Model, memory: Any, values: Values, image: Values) -> Proposal:
        """Where to go from parameters that were judged good, with the EM map's image of them."""
        return Proposal(dict(image), memory, jnp.zeros((), bool))

    def refuse(self, model: Model, memory: Any, image: Values) -> Proposal:
        """Where to go after an extrapolation was not accepted; the image is always safe."""
        return Proposal(dict(image), memory, jnp.zeros((), bool))
