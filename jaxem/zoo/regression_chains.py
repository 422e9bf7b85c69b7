r"""Markov-switching regressions: the state decides how a response depends on covariates.

A step is a dictionary with a response and covariates by name; the mean of the response is a
function of the linear predictor :math:`\eta = \beta_z \cdot (1, u)`. Lags of the response, as
covariates, make autoregressions; covariates of the transitions make regimes that are entered and
left as circumstances change.

Source:
    J. D. Hamilton (1989), "A new approach to the economic analysis of nonstationary time series and
    the business cycle", Econometrica 57, 357-384; W. Zucchini, I. L. MacDonald and R. Langrock
    (2016), Hidden Markov Models for Time Series, 2nd edition, chapter 10, for other responses.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.model import Model, flat
from jaxem.model.copied import declared_by
from jaxem.types import Array, DeclarationError, Params
from jaxem.zoo.markov import driven_moves, free_moves, hidden_markov, with_intercept

Family = Literal["normal", "poisson", "binomial", "gamma", "negative_binomial"]


@declared_by
def regression_chain(
    states: int,
    response: str,
    covariates: Sequence[str] = (),
    family: Family = "normal",
    *,
    common_variance: bool = False,
    trials: str | None = None,
    exposure: str | None = None,
    transition_covariates: Sequence[str] = (),
    initial_concentration: Any = None,
    transition_concentration: Any = None,
) -> Model:
    r"""A generalised linear model in each state of a hidden Markov chain.

    Parameters of the model: `initial` (S,); `transition` (S, S), or where covariates move it
    (S, S - 1, P + 1), logits against state 0 with the intercept first; `coefficients` (S, P + 1),
    the intercept first; and `variance` (S,) or (), `shape` (S,), or `concentration` (S,) where the
    family has one. Data are a dictionary of arrays (sequence, time) by name.

    Args:
        states: Number of states S.
        response: Name of the response.
        covariates: Names of the P covariates; none leaves an intercept.
        family: "normal" with mean :math:`\eta`; with mean :math:`e^\eta` "poisson", "gamma" and
            "negative_binomial" (variance mean + mean^2 / concentration); "binomial" with chance
            :math:`1 / (1 + e^{-\eta})`.
        common_variance: Whether the states of a normal response share one variance.
        trials: Of a binomial response, the name of the numbers of trials; one each if None.
        exposure: Name of what multiplies the mean :math:`e^\eta`, such as time under observation.
        transition_covariates: Names of what moves the transitions; the values of a step move the
            transition to it.
        initial_concentration: Dirichlet prior of `initial`: a number, or S; None is flat.
        transition_concentration: The same of the rows of `transition`: a number, S, or (S, S).

    Raises:
        DeclarationError: If the family is unknown, or an argument is given that it does not have.
    """
    made = _family(family, states, common_variance, trials, exposure)
    if not transition_covariates:
        moves = free_moves(states, initial_concentration, transition_concentration)
    elif transition_concentration is not None:
        raise DeclarationError(
            "transition_concentration is a prior of free transition probabilities; with "
            "transition_covariates there are coefficients in their place. Give one of the two."
        )
    else:
        moves = driven_moves(states, transition_covariates, initial_concentration)

    def log_density(params: Params, z: Array, x: dict[str, Array]) -> Array:
        eta = params["coefficients"][z] @ with_intercept(x, covariates)
        return jnp.asarray(made.law(params, z, x, eta).log_prob(x[response]))

    slopes = flat((states, len(covariates) + 1))
    return hidden_markov(moves, log_density, {"coefficients": slopes, **made.prior})


class _Response(NamedTuple):
    """The distribution of a response given state, datum and linear predictor, and its priors."""

    law: Callable[[Params, Array, dict[str, Array], Array], dist.Distribution]
    prior: dict[str, dist.Distribution]


def _family(
    family: Family, states: int, common_variance: bool, trials: str | None, exposure: str | None
) -> _Response:
    _check(family, common_variance, trials, exposure)

    def mean(x: dict[str, Array], eta: Array) -> Array:
        return jnp.exp(eta) if exposure is None else x[exposure] * jnp.exp(eta)

    def positive(name: str, shape: tuple[int, ...] = (states,)) -> dict[str, dist.Distribution]:
        return {name: flat(shape, constraints.positive)}

    def normal(params, z, x, eta):
        variance = params["variance"] if common_variance else params["variance"][z]
        return dist.Normal(eta, jnp.sqrt(variance))

    def poisson(params, z, x, eta):
        return dist.Poisson(mean(x, eta))

    def binomial(params, z, x, eta):
        return dist.BinomialLogits(eta, total_count=1 if trials is None else x[trials])

    def gamma(params, z, x, eta):
        return dist.Gamma(params["shape"][z], params["shape"][z] / mean(x, eta))

    def negative_binomial(params, z, x, eta):
        return dist.NegativeBinomial2(mean(x, eta), params["concentration"][z])

    return {
        "normal": _Response(normal, positive("variance", () if common_variance else (states,))),
        "poisson": _Response(poisson, {}),
        "binomial": _Response(binomial, {}),
        "gamma": _Response(gamma, positive("shape")),
        "negative_binomial": _Response(negative_binomial, positive("concentration")),
    }[family]


def _check(family: Family, common_variance: bool, trials: str | None, exposure: str | None):
    if family not in get_args(Family):
        raise DeclarationError(f"family={family!r}; expected one of {', '.join(get_args(Family))}.")
    foreign = {
        "common_variance": common_variance and family != "normal",
        "trials": trials is not None and family != "binomial",
        "exposure": exposure is not None and family in ("normal", "binomial"),
    }
    for name, given in foreign.items():
        if given:
            raise DeclarationError(f"the family {family!r} has no {name}; leave it out.")
