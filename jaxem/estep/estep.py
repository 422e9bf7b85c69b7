"""The E-step of a row: evidence and responsibilities from log factors."""

import abc
import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.latent import Latent
from jaxem.types import Array, DeclarationError


@dataclasses.dataclass(frozen=True)
class EStep(abc.ABC):
    """A function of log factors that gives evidence and responsibilities.

    The responsibilities are the gradient of the evidence with respect to the log factors.

    Attributes:
        likelihood: The name of the sum of the evidence over rows.
    """

    likelihood: ClassVar[str] = "log likelihood"

    @abc.abstractmethod
    def posterior(self, latent: Latent, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """The evidence of each row, (n,), and the responsibilities, of the form of the factors.

        Args:
            latent: The latent structure.
            factors: Log factors of rows and states, a matrix; of chains and trees, `Links`.
            axis: The axis of the states.
        """

    def weigh(
        self, latent: Latent, factors: Array, weights: Array, axis: int = -1
    ) -> tuple[Array, Array]:
        """Evidence (n,) of independent rows, and responsibilities times row weights, a matrix.

        Args:
            latent: The latent structure.
            factors: Log factors of rows and states, a matrix.
            weights: Row weights, (n,).
            axis: The axis of the states.
        """
        evidence, responsibilities = self.posterior(latent, factors, axis)
        return evidence, jnp.expand_dims(weights, axis) * responsibilities

    def numbered(self, number: int | Array) -> "EStep":
        """The E-step for a block of rows or a cycle; it depends on the number only if it draws."""
        return self


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

    likelihood = "classification log likelihood"

    def posterior(self, latent: Latent, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """The log joint of the most probable state or path, and the indicator of that."""
        return latent.hard(factors, axis)


@dataclasses.dataclass(frozen=True)
class Tempered(EStep):
    r"""The posterior at another temperature, proportional to :math:`e^{\beta f}`.

    The objective is the negative free energy, :math:`\tfrac1\beta \log \sum_z e^{\beta f_z}`,
    summed over rows or sequences. It is the log likelihood at :math:`\beta = 1`, and tends to the
    classification likelihood of `Hard` as beta grows. Below one it has fewer maxima: deterministic
    annealing fits at a small beta and goes on from there with larger ones (Ueda and Nakano 1998),
    ``fit(..., init=fit.params, algorithm=EM(Tempered(0.5)))``. This is not the power posterior of
    Bayesian statistics, which raises the whole likelihood to the power of beta.

    Args:
        inverse_temperature: Beta, positive.

    Raises:
        DeclarationError: If ``inverse_temperature`` is no positive number.
    """

    inverse_temperature: float
    likelihood = "tempered log likelihood"

    def __post_init__(self):
        beta = self.inverse_temperature
        number = isinstance(beta, int | float | np.number | jax.Array) and np.ndim(beta) == 0
        if isinstance(beta, bool) or not number or not 0 < beta < np.inf:
            raise DeclarationError(
                f"Tempered(inverse_temperature={beta!r}): it must be a positive number. 1 is "
                f"jaxem.Exact(); jaxem.Hard() is where it is infinite."
            )
        object.__setattr__(self, "inverse_temperature", float(beta))

    def posterior(self, latent: Latent, factors: Any, axis: int = -1) -> tuple[Array, Any]:
        """The negative free energy, and the probabilities of the states at this temperature."""
        beta = self.inverse_temperature
        evidence, responsibilities = latent.posterior(at_temperature(factors, beta), axis)
        return evidence / beta, responsibilities


def at_temperature(factors: Any, beta: float | Array) -> Any:
    """Log factors times beta; the flags of which steps of a chain exist stay as they are."""

    def times(leaf: Array) -> Array:
        return beta * leaf if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(times, factors)
