"""An algorithm that has another one inside, and is it where nothing else is said."""

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
    """What the algorithm inside answers is the answer.

    Attributes:
        algorithm: The one inside.
    """

    algorithm: Algorithm

    @property
    def e_step(self) -> EStep:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the algorithm inside."""
        return self.algorithm.e_step

    @property
    def m_step(self) -> MStep:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the algorithm inside."""
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
