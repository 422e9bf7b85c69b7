"""The interface of an algorithm: the EM map, and the next candidate of the loop."""

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
    """One evaluation of the EM map.

    Attributes:
        evidence: Sum of the weighted log evidence *at the parameters given*, a scalar.
        log_prior: Log density of the prior at these parameters, a scalar.
        counts: Expected count of each configuration at these parameters, (C,).
        image: The parameters that the EM map gives, by dotted name.
        memory: The memory of the algorithm, with its own results of this evaluation.
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
    """The next candidate.

    Attributes:
        values: Its parameters, by dotted name.
        memory: The memory of the algorithm.
        extrapolated: Whether it is an extrapolation; if the objective falls there, the loop calls
            `Algorithm.refuse`.
    """

    values: dict[str, Array]
    memory: Any
    extrapolated: Array


class Algorithm(abc.ABC):
    """An algorithm, which does not loop itself: the loop calls it at every candidate.

    Attributes:
        e_step: How responsibilities are made.
        m_step: How Q is raised.
    """

    e_step: EStep
    m_step: MStep

    @property
    def sentence(self) -> str:
        """The algorithm in words; the name of its class unless overridden."""
        return type(self).__name__

    @property
    def extrapolates(self) -> bool:
        """Whether proposals may be extrapolations; if not, each is the image."""
        return False

    @abc.abstractmethod
    def step(self, model: Model, plan: Plan, values: Values, source: Source, memory: Any) -> Step:
        """The EM map at parameters by dotted name."""

    def memory(self, model: Model, dtype: Any) -> Any:
        """An empty memory of one restart: a pytree of NumPy zeros."""
        return ()

    def propose(self, model: Model, memory: Any, values: Values, image: Values) -> Proposal:
        """The next candidate, from the accepted parameters and their image."""
        return Proposal(dict(image), memory, jnp.zeros((), bool))

    def refuse(self, model: Model, memory: Any, image: Values) -> Proposal:
        """The next candidate after an extrapolation was refused; the image by default."""
        return Proposal(dict(image), memory, jnp.zeros((), bool))
