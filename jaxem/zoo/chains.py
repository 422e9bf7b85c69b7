"""Hidden Markov models with Gaussian, Poisson, categorical and multinomial emissions."""

from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.model import Model, flat
from jaxem.model.copied import declared_by
from jaxem.types import Array, Params
from jaxem.zoo.gaussian import Covariance, emissions
from jaxem.zoo.markov import free_moves, hidden_markov


@declared_by
def gaussian_chain(
    states: int,
    features: int,
    covariance: Covariance = "full",
    *,
    initial_concentration: Any = None,
    transition_concentration: Any = None,
) -> Model:
    """A hidden Markov model with Gaussian emissions in D dimensions.

    Parameters of the model: `initial` (S,), `transition` (S, S), and those of
    `jaxem.zoo.gaussian_mixture`: `loc` (S, D), and `cov` or `variance`. Data are
    (sequence, time, D).

    Args:
        states: Number of states S.
        features: Number of features D.
        covariance: "full", "tied", "diagonal" or "spherical".
        initial_concentration: Dirichlet prior of `initial`: a number, or S; None is flat.
        transition_concentration: The same of the rows of `transition`: a number, S, or (S, S).

    Raises:
        DeclarationError: If the covariance is unknown or a concentration has the wrong shape.
    """
    log_density, prior = emissions((states,), features, covariance)
    moves = free_moves(states, initial_concentration, transition_concentration)
    return hidden_markov(moves, log_density, prior)


@declared_by
def poisson_chain(
    states: int, *, initial_concentration: Any = None, transition_concentration: Any = None
) -> Model:
    """A hidden Markov model of counts, by maximum likelihood unless a prior is given.

    Parameters of the model: `initial` (S,), `transition` (S, S), `rate` (S,). Data are counts
    (sequence, time).

    Args:
        states: Number of states S.
        initial_concentration: See `gaussian_chain`.
        transition_concentration: See `gaussian_chain`.
    """

    def log_density(params: Params, z: Array, x: Array) -> Array:
        return dist.Poisson(params["rate"][z]).log_prob(x)

    moves = free_moves(states, initial_concentration, transition_concentration)
    return hidden_markov(moves, log_density, {"rate": flat((states,), constraints.positive)})


@declared_by
def categorical_chain(
    states: int,
    categories: int,
    *,
    initial_concentration: Any = None,
    transition_concentration: Any = None,
) -> Model:
    """A hidden Markov model of categories 0 to M - 1.

    Parameters of the model: `initial` (S,), `transition` (S, S), `probs` (S, M). Data are codes
    (sequence, time).

    Args:
        states: Number of states S.
        categories: Number of categories M.
        initial_concentration: See `gaussian_chain`.
        transition_concentration: See `gaussian_chain`.
    """

    def log_density(params: Params, z: Array, x: Array) -> Array:
        return jnp.log(params["probs"])[z, x]

    moves = free_moves(states, initial_concentration, transition_concentration)
    return hidden_markov(moves, log_density, _tables(states, categories))


@declared_by
def multinomial_chain(
    states: int,
    categories: int,
    *,
    initial_concentration: Any = None,
    transition_concentration: Any = None,
) -> Model:
    """A hidden Markov model of counts in categories; the total of each step is known.

    Parameters of the model: `initial` (S,), `transition` (S, S), `probs` (S, M). Data are counts
    (sequence, time, M); totals may differ from step to step, and a step whose counts are all zero
    says nothing of its state.

    Args:
        states: Number of states S.
        categories: Number of categories M.
        initial_concentration: See `gaussian_chain`.
        transition_concentration: See `gaussian_chain`.
    """

    def log_density(params: Params, z: Array, x: Array) -> Array:
        return dist.MultinomialProbs(params["probs"][z], total_count=x.sum()).log_prob(x)

    moves = free_moves(states, initial_concentration, transition_concentration)
    return hidden_markov(moves, log_density, _tables(states, categories))


def _tables(states: int, categories: int) -> dict[str, Any]:
    return {"probs": flat((states, categories), constraints.simplex)}
