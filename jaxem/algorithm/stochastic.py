r"""Stochastic EM, and EM with a Monte Carlo E-step.

The E-step draws the states from their posterior, once (Celeux and Diebolt 1985) or several times
(Wei and Tanner 1990), and the M-step takes the draws as observed. The parameters are then a Markov
chain about the maximum, with a variance that many draws make small; it leaves saddles and poor
maxima, and does not converge to a point.

    G. Celeux and J. Diebolt (1985), "The SEM algorithm", Computational Statistics Quarterly 2,
    73-82. G. C. G. Wei and M. A. Tanner (1990), "A Monte Carlo implementation of the EM algorithm",
    Journal of the American Statistical Association 85, 699-704. S. F. Nielsen (2000), "The
    stochastic EM algorithm: estimation and asymptotic results", Bernoulli 6, 457-489.
"""

import dataclasses
from typing import Any, Literal

from jaxem.algorithm.algorithm import Algorithm
from jaxem.algorithm.em import EM
from jaxem.algorithm.warm_up import WarmUp, check_count
from jaxem.estep import EStep
from jaxem.estep.warming import DrawnStates
from jaxem.types import Array, DeclarationError


@dataclasses.dataclass(frozen=True)
class Stochastic(WarmUp):
    """A given number of steps whose E-step draws the states.

    The objective is exact at every step, goes up and down, and is never damped; a step to where it
    is not finite is drawn again. A row of weight w is w rows, each with draws of its own; of a
    chain or tree whole paths are drawn. The run ends as ``sampled``, never as converged.

    Args:
        steps: Number of steps.
        draws: Draws of each row in a step; many make it Monte Carlo EM.
        answer: "best" for the visited parameters with the highest objective, "mean" for the mean
            of the parameters over the second half of the steps.
        polish: Whether ``algorithm`` goes on from the answer, to an ordinary end.
        algorithm: The algorithm whose M-step is used, and which polishes; ``EM()`` if left out.

    Raises:
        DeclarationError: If a number is no positive integer, or ``answer`` is neither.
    """

    algorithm: Algorithm = dataclasses.field(default_factory=EM)
    steps: int = 200
    draws: int = 1
    answer: Literal["best", "mean"] = "best"  # pyright: ignore
    polish: bool = False

    def __init__(
        self,
        steps: int = 200,
        *,
        draws: int = 1,
        answer: Literal["best", "mean"] = "best",
        polish: bool = False,
        algorithm: Algorithm | None = None,
    ):
        check_count("Stochastic", "steps", steps)
        check_count("Stochastic", "draws", draws)
        if answer not in ("best", "mean"):
            raise DeclarationError(f'Stochastic: answer must be "best" or "mean"; got {answer!r}.')
        object.__setattr__(self, "algorithm", EM() if algorithm is None else algorithm)
        object.__setattr__(self, "steps", int(steps))
        object.__setattr__(self, "draws", int(draws))
        object.__setattr__(self, "answer", answer)
        object.__setattr__(self, "polish", bool(polish))
        self.__post_init__()

    @property
    def stages(self) -> tuple[tuple[float, int], ...]:
        """See `WarmUp`: one stage, at inverse temperature one."""
        return ((1.0, self.steps),)

    @property
    def runs_on(self) -> bool:
        """Whether to polish."""
        return self.polish

    @property
    def perturbs(self) -> bool:
        """Never: the draws perturb enough."""
        return False

    @property
    def signature(self) -> Any:
        """The draws and the algorithm; the number of steps is traced."""
        return Stochastic, self.draws, self.algorithm

    @property
    def description(self) -> str:
        """The warm-up in words."""
        each = "1 draw" if self.draws == 1 else f"{self.draws} draws"
        kept = {"best": "the best visited parameters", "mean": "the mean of their second half"}
        return f"{self.steps} stochastic steps of {each} a row, then {kept[self.answer]}"

    def e_step_at(self, key: Array, inverse_temperature: Array) -> EStep:
        """The E-step that draws states with a key."""
        return DrawnStates(key, self.draws)
