"""Initial and transition probabilities of the hidden Markov models of the zoo."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.latent import Chain
from jaxem.model import Model, flat
from jaxem.types import Array, DeclarationError, Params

#: The log density of a step's datum given its state, ``(params, z, x)``.
Emission = Callable[[Params, Any, Any], Array]


class Transitions(NamedTuple):
    """Initial and transition probabilities of a chain.

    Attributes:
        states: Number of states S.
        log_prob: ``log_prob(params, z_prev, z, x)``, with ``z_prev=None`` at the start.
        prior: Priors of its parameters.
    """

    states: int
    log_prob: Callable[[Params, Array | None, Array, Any], Array]
    prior: dict[str, dist.Distribution]


def free_moves(
    states: int, initial_concentration: Any = None, transition_concentration: Any = None
) -> Transitions:
    """Free initial and transition probabilities, `initial` (S,) and `transition` (S, S).

    Args:
        states: Number of states S.
        initial_concentration: Dirichlet prior of `initial`: a number or S of them; None is flat.
        transition_concentration: Dirichlet prior of the rows of `transition`: a number, S of them
            for every row, or (S, S), a row a state; None is flat.

    Raises:
        DeclarationError: If concentrations do not fit the number of states.
    """

    def log_prob(params: Params, z_prev: Array | None, z: Array, x: Any) -> Array:
        chances = params["initial"] if z_prev is None else params["transition"][z_prev]
        return dist.CategoricalProbs(chances).log_prob(z)

    rows = _simplex((states, states), transition_concentration, "transition_concentration")
    return Transitions(
        states, log_prob, {**_initial(states, initial_concentration), "transition": rows}
    )


def driven_moves(
    states: int, covariates: Sequence[str], initial_concentration: Any = None
) -> Transitions:
    r"""Transition probabilities that depend on covariates: multinomial logits.

    .. math::
        P(z_t = b \mid z_{t-1} = a, u_t) \propto \exp(\beta_{ab} \cdot (1, u_t)), \qquad
        \beta_{a0} = 0.

    Parameters: `initial` (S,) and `transition` (S, S - 1, P + 1), the coefficients
    :math:`\beta_{ab}` of b = 1 to S - 1, intercept first. The covariates are those of the step
    that is moved to.

    Args:
        states: Number of states S.
        covariates: Names of the P covariates, which are entries of a step's data.
        initial_concentration: See `free_moves`.

    Source:
        F. X. Diebold, J.-H. Lee and G. C. Weinbach (1994), "Regime switching with time-varying
        transition probabilities".
    """

    def log_prob(params: Params, z_prev: Array | None, z: Array, x: Any) -> Array:
        if z_prev is None:
            return dist.CategoricalProbs(params["initial"]).log_prob(z)
        scores = params["transition"][z_prev] @ with_intercept(x, covariates)
        return jax.nn.log_softmax(jnp.concatenate([jnp.zeros(1), scores]))[z]

    slopes = flat((states, states - 1, len(covariates) + 1))
    return Transitions(
        states, log_prob, {**_initial(states, initial_concentration), "transition": slopes}
    )


def with_intercept(x: Any, covariates: Sequence[str]) -> Array:
    """The number 1 and the covariates of a step, (P + 1,)."""
    kind = jnp.result_type(float)
    return jnp.stack([jnp.ones((), kind), *(jnp.asarray(x[name], kind) for name in covariates)])


def hidden_markov(moves: Transitions, emission: Emission, prior: Mapping[str, Any]) -> Model:
    """A hidden Markov model.

    Args:
        moves: Initial and transition probabilities.
        emission: Log density of a step's datum, ``emission(params, z, x)``.
        prior: Priors of the parameters of the emission.
    """

    def log_joint(params: Params, z_prev: Array | None, z: Array, x: Any) -> Array:
        return moves.log_prob(params, z_prev, z, x) + emission(params, z, x)

    return Model(log_joint, latent=Chain(moves.states), prior={**moves.prior, **prior})


def _initial(states: int, concentration: Any) -> dict[str, dist.Distribution]:
    return {"initial": _simplex((states,), concentration, "initial_concentration")}


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
