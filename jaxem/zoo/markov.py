"""What the hidden Markov models of the zoo share: how states begin and how they follow."""

from collections.abc import Mapping
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.latent import Chain
from jaxem.model import Model, flat
from jaxem.types import Array, DeclarationError, Params


class Emission(Protocol):
    """The log density of a step's datum, given its state."""

    def __call__(self, params: Params, z: Array, x: Any) -> Array:
        """A scalar."""
        ...


def hidden_markov(
    states: int,
    emission: Emission,
    prior: Mapping[str, Any],
    *,
    initial_concentration: Any = None,
    transition_concentration: Any = None,
) -> Model:
    """A hidden Markov model with free initial and transition probabilities.

    Args:
        states: Number of states S.
        emission: Log density of a step's datum, ``emission(params, z, x)``.
        prior: Priors of the parameters of the emission.
        initial_concentration: Dirichlet prior of `initial`: a number or S of them; None is flat.
        transition_concentration: Dirichlet prior of the rows of `transition`: a number, S of them
            for every row, or (S, S), a row a state; None is flat.

    Raises:
        DeclarationError: If concentrations do not fit the number of states.
    """

    def log_joint(params: Params, z_prev: Array | None, z: Array, x: Any) -> Array:
        chances = params["initial"] if z_prev is None else params["transition"][z_prev]
        return dist.CategoricalProbs(chances).log_prob(z) + emission(params, z, x)

    chances = {
        "initial": _simplex((states,), initial_concentration, "initial_concentration"),
        "transition": _simplex(
            (states, states), transition_concentration, "transition_concentration"
        ),
    }
    return Model(log_joint, latent=Chain(states), prior={**chances, **prior})


def _simplex(shape: tuple[int, ...], concentration: Any, name: str) -> dist.Distribution:
    if concentration is None:
        return flat(shape, constraints.simplex)
    alpha = np.asarray(concentration, float)
    try:
        alpha = np.broadcast_to(alpha, shape)
    except ValueError:
        raise DeclarationError(
            f"{name} has shape {alpha.shape}; expected a number, or one that fits {shape}."
        ) from None
    return dist.Dirichlet(jnp.asarray(alpha))
