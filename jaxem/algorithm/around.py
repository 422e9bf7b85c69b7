"""A wrapper of an algorithm, which delegates to it by default."""

import dataclasses
from typing import Any

from jaxem.algebra.plan import Plan
from jaxem.algorithm.algorithm import Algorithm, Proposal, Step
from jaxem.estep import EStep
from jaxem.estep.expectation import Values
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.mstep import MStep


@dataclasses.dataclass(frozen=True)
class Around(Algorithm):
    """An algorithm that delegates to another one.

    Attributes:
        algorithm: The algorithm that is wrapped.
    """

    algorithm: Algorithm

    @property
    def e_step(self) -> EStep:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Algorithm`."""
        return self.algorithm.e_step

    @property
    def m_step(self) -> MStep:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Algorithm`."""
        return self.algorithm.m_step

    @property
    def extrapolates(self) -> bool:
        """See `Algorithm`."""
        return self.algorithm.extrapolates

    def step(self, model: Model, plan: Plan, values: Values, source: Source, memory: Any) -> Step:
        """See `Algorithm`."""
        return self.algorithm.step(model, plan, values, source, memory)

    def memory(self, model: Model, dtype: Any) -> Any:
        """See `Algorithm`."""
        return self.algorithm.memory(model, dtype)

    def propose(self, model: Model, memory: Any, values: Values, image: Values) -> Proposal:
        """See `Algorithm`."""
        return self.algorithm.propose(model, memory, values, image)

    def refuse(self, model: Model, memory: Any, image: Values) -> Proposal:
        """See `Algorithm`."""
        return self.algorithm.refuse(model, memory, image)
