"""What an E-step makes of the log factors of a row."""

import abc
import dataclasses
from typing import Any

from jaxem.latent import Latent
from jaxem.types import Array


@dataclasses.dataclass(frozen=True)
class EStep(abc.ABC):
    """A way to get from log factors to evidence and responsibilities.

    The responsibilities are the gradient of the evidence with respect to the log factors.
    """

    @abc.abstractmethod
    def posterior(self, latent: Latent, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """What the objective sums over rows, and weights of the states.

        Args:
            latent: The latent structure.
            factors: Log factors of rows and states, a matrix; or what the latent structure takes.
            axis: The axis of the states.

        Returns:
            A vector over rows, and weights in the form of the factors.
        """


@dataclasses.dataclass(frozen=True)
class Exact(EStep):
    """The posterior of the latent states: maximum likelihood or MAP."""

    def posterior(self, latent: Latent, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """Log evidence and posterior probabilities."""
        return latent.posterior(factors, axis)


@dataclasses.dataclass(frozen=True)
class Hard(EStep):
    """The most probable state alone: classification EM, and k-means for equal spheres.

    The objective is the classification likelihood, the log joint at the best states
    (Celeux and Govaert 1992).
    """

    def posterior(self, latent: Latent, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """Log joint of the most probable state or path, and its indicator."""
        return latent.hard(factors, axis)
