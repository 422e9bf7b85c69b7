"""Warm-ups before a monotone algorithm: the interface of annealing and stochastic EM."""

import abc
import dataclasses
from typing import Any, Literal

import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm.algorithm import Algorithm, Step
from jaxem.algorithm.around import Around
from jaxem.algorithm.em import EM
from jaxem.algorithm.minibatches import Minibatches
from jaxem.algorithm.wrapped import Wrapped
from jaxem.estep import EStep, Exact
from jaxem.estep.expectation import Values
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.types import Array, DeclarationError


@dataclasses.dataclass(frozen=True)
class WarmUp(Around, abc.ABC):
    """A warm-up before an algorithm.

    Attributes:
        algorithm: The algorithm that follows.

    Raises:
        DeclarationError: If that is no EM or acceleration of one, or does not maximise the log
            posterior.
    """

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not isinstance(self.algorithm, EM | Wrapped) or isinstance(self.algorithm, Minibatches):
            raise DeclarationError(
                f"jaxem.{name} goes before jaxem.EM(...), jaxem.Squarem(...) or "
                f"jaxem.Anderson(...); got algorithm={self.algorithm!r}."
            )
        if not isinstance(self.algorithm.e_step, Exact):
            raise DeclarationError(
                f"jaxem.{name} has responsibilities of its own and ends at the log posterior; its "
                f"algorithm needs e_step=jaxem.Exact(), which is so if it is left out; got "
                f"{self.algorithm.e_step!r}."
            )

    @property
    @abc.abstractmethod
    def stages(self) -> tuple[tuple[float, int], ...]:
        """Pairs (inverse temperature, number of steps), in their order."""

    @property
    @abc.abstractmethod
    def answer(self) -> Literal["last", "best", "mean"]:
        """Which parameters of the warm-up are the start of the algorithm."""

    @property
    @abc.abstractmethod
    def runs_on(self) -> bool:
        """Whether the algorithm runs on from that start."""

    @property
    @abc.abstractmethod
    def perturbs(self) -> bool:
        """Whether parameters are perturbed after each stage."""

    @property
    @abc.abstractmethod
    def signature(self) -> Any:
        """A key of the compiled program: all that it depends on."""

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """The warm-up in words."""

    @property
    def sentence(self) -> str:
        """The warm-up and the algorithm in words."""
        then = self.algorithm.sentence if self.runs_on else "nothing climbs from there"
        return f"{self.description}; then {then}"

    @abc.abstractmethod
    def e_step_at(self, key: Array, inverse_temperature: Array) -> EStep:
        """The E-step of one step of one restart."""

    def warm_up_step(
        self,
        model: Model,
        plan: Plan,
        values: Values,
        source: Source,
        key: Array,
        inverse_temperature: Array,
    ) -> Step:
        """One warm-up step; its evidence is exact, and may be lower at its image."""
        e_step = self.e_step_at(key, inverse_temperature)
        em = dataclasses.replace(em_of(self), e_step=e_step)
        return em.step(model, plan, values, source, ())


def em_of(algorithm: Algorithm) -> EM:
    """The EM inside an algorithm."""
    while isinstance(algorithm, Around):
        algorithm = algorithm.algorithm
    assert isinstance(algorithm, EM)
    return algorithm


def check_count(owner: str, name: str, value: Any) -> None:
    """A number of steps or draws.

    Raises:
        DeclarationError: If it is no positive integer.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < 1:
        raise DeclarationError(f"{owner}: {name} must be an integer of at least 1; got {value!r}.")
