"""Mixtures of counts: coins, death notices, articles."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case


def coins() -> Declared:
    """Two coins, five sets of ten tosses; which coin was thrown is hidden, and a priori even."""
    published = case("coin_do_batzoglou_fixed")

    def log_joint(params, z, tosses):
        return jnp.log(0.5) + dist.Bernoulli(params["heads"][z]).log_prob(tosses).sum()

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={"heads": jaxem.flat((2,), constraints.unit_interval)},
    )
    tosses = np.array([[toss == "H" for toss in row] for row in published["data"]["rows"]], int)
    start = published["init"]
    return Declared(model, tosses, None, {"heads": np.array([start["theta_A"], start["theta_B"]])})


def death_notices() -> Declared:
    """Two Poisson distributions behind the death notices of The Times, given as a table."""
    published = case("poisson_mix_death_notices")

    def log_joint(params, z, notices):
        season = dist.Categorical(params["weights"]).log_prob(z)
        return season + dist.Poisson(params["rate"][z]).log_prob(notices)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": jaxem.flat((2,), constraints.simplex),
            "rate": jaxem.flat((2,), constraints.positive),
        },
    )
    data, start = published["data"], published["init"]
    init = {
        "weights": np.array([start["pi"], 1 - start["pi"]]),
        "rate": np.array([start["lambda1"], start["lambda2"]]),
    }
    return Declared(model, np.array(data["value"]), np.array(data["frequency"]), init)


def articles_intercept() -> Declared:
    """Articles of doctoral students, zero-inflated: state 0 never publishes, state 1 is Poisson."""
    published = case("zip_biochemists")

    def log_joint(params, z, articles):
        never = jnp.log(params["zero"]) + _certain_zero(articles)
        counted = jnp.log1p(-params["zero"]) + dist.Poisson(params["rate"]).log_prob(articles)
        return jnp.where(z == 0, never, counted)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "zero": jaxem.flat((), constraints.unit_interval),
            "rate": jaxem.flat((), constraints.positive),
        },
    )
    data = np.array(published["data"]["art"], int)
    return Declared(model, data, None, {"zero": 0.5, "rate": 1.0})


def articles_regression() -> Declared:
    """The same with covariates in both parts: log rate and logit of a certain zero are linear."""
    published = case("zip_biochemists")

    def log_joint(params, z, row):
        logit, log_rate = row["design"] @ params["zero"], row["design"] @ params["count"]
        never = jax.nn.log_sigmoid(logit) + _certain_zero(row["articles"])
        poisson = dist.Poisson(jnp.exp(log_rate)).log_prob(row["articles"])
        return jnp.where(z == 0, never, jax.nn.log_sigmoid(-logit) + poisson)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={"zero": jaxem.flat((6,)), "count": jaxem.flat((6,))},
    )
    columns = ["femWomen", "marMarried", "kid5", "phd", "ment"]
    articles = np.array(published["data"]["art"], int)
    design = np.column_stack(
        [np.ones(len(articles)), *(published["data"][name] for name in columns)]
    )
    init = {"zero": np.zeros(6), "count": np.zeros(6)}
    return Declared(model, {"articles": articles, "design": design}, None, init)


def _certain_zero(articles) -> jax.Array:
    """Log probability of a count under a point mass at zero."""
    return jnp.where(articles == 0, 0.0, -jnp.inf)
