r"""Deterministic annealing (Ueda and Nakano 1998): a warm-up before EM.

At an inverse temperature below one the posterior, :math:`\propto e^{\beta f}`, is flatter, and the
negative free energy has fewer maxima than the log likelihood. A few EM steps at each of a rising
schedule of inverse temperatures follow the single maximum of the first, and one of its branches
where it splits.

    N. Ueda and R. Nakano (1998), "Deterministic annealing EM algorithm", Neural Networks 11,
    271-282.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from jaxem.algorithm.algorithm import Algorithm
from jaxem.algorithm.em import EM
from jaxem.algorithm.warm_up import WarmUp, check_count
from jaxem.estep import EStep
from jaxem.estep.warming import Warmed
from jaxem.types import Array, DeclarationError


@dataclasses.dataclass(frozen=True)
class Annealed(WarmUp):
    """Annealing, and then an algorithm at the temperature one.

    At small inverse temperatures states may become equal, and would stay so: after the steps at
    each temperature every parameter is perturbed by about a hundredth of an ordinary distance. The
    log posterior may fall until the algorithm begins; it is exact all the time.

    Args:
        schedule: Inverse temperatures, positive, in their order; 1 need not be given.
        steps: EM steps at each inverse temperature.
        algorithm: The algorithm that follows, ``EM()`` if left out.

    Raises:
        DeclarationError: If the schedule is no sequence of positive numbers, the steps no positive
            integer, or the algorithm cannot follow a warm-up.
    """

    algorithm: Algorithm = dataclasses.field(default_factory=EM)
    schedule: tuple[float, ...] = ()
    steps: int = 20

    def __init__(
        self, schedule: Sequence[float], *, steps: int = 20, algorithm: Algorithm | None = None
    ):
        check_count("Annealed", "steps", steps)
        object.__setattr__(self, "algorithm", EM() if algorithm is None else algorithm)
        object.__setattr__(self, "schedule", _checked(schedule))
        object.__setattr__(self, "steps", int(steps))
        self.__post_init__()

    @property
    def stages(self) -> tuple[tuple[float, int], ...]:
        """See `WarmUp`."""
        return tuple((beta, self.steps) for beta in self.schedule)

    @property
    def answer(self) -> Literal["last"]:
        """The last parameters."""
        return "last"

    @property
    def runs_on(self) -> bool:
        """Always: annealing gives a start."""
        return True

    @property
    def perturbs(self) -> bool:
        """Always: states that have become equal separate again."""
        return True

    @property
    def signature(self) -> Any:
        """The algorithm; temperatures are traced."""
        return Annealed, self.algorithm

    @property
    def description(self) -> str:
        """The schedule in words."""
        betas = ", ".join(f"{beta:g}" for beta in self.schedule)
        return f"annealing, {self.steps} steps at each inverse temperature of {betas}"

    def e_step_at(self, key: Array, inverse_temperature: Array) -> EStep:
        """The E-step at an inverse temperature."""
        return Warmed(inverse_temperature)


def _checked(schedule: Any) -> tuple[float, ...]:
    said = "Annealed takes positive inverse temperatures in their order, as (0.2, 0.5, 0.8)"
    if isinstance(schedule, str) or not isinstance(schedule, Sequence | np.ndarray):
        raise DeclarationError(f"{said}; got {schedule!r}.")
    for beta in schedule:
        number = isinstance(beta, int | float | np.number) and not isinstance(beta, bool)
        if not number or not 0 < beta < np.inf:
            raise DeclarationError(f"{said}; got {beta!r} among them.")
    if not len(schedule):
        raise DeclarationError(f"{said}; got none.")
    return tuple(float(beta) for beta in schedule)
