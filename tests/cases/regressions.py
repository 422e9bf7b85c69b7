"""Mixtures of regressions: lines, curves, Poisson rates, with and without gates."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case


def quadratics() -> Declared:
    """NPreg: two quadratic curves with their own noise, from the true classes."""
    published = case("mixreg_npreg_gaussian")
    x = np.array(published["data"]["x"])
    rows = {"design": np.stack([x**0, x, x**2], axis=1), "y": np.array(published["data"]["y"])}
    labels = np.array(published["init"]["labels"], int)
    start = jaxem.initial.from_responsibilities(labels)
    return Declared(_gaussian_regressions(features=3), rows, None, start)


def carbon() -> Declared:
    """Emissions of 28 countries on their product: two lines."""
    published = case("mixreg_co2_small_n")
    product, start = np.array(published["data"]["GNP"]), published["init"]
    rows = {
        "design": np.stack([np.ones_like(product), product], axis=1),
        "y": np.array(published["data"]["CO2"]),
    }
    init = {
        "weights": np.array(start["pro"]),
        "beta": np.array(start["beta"]),
        "scale": np.array(start["sd"]),
    }
    return Declared(_gaussian_regressions(features=2), rows, None, init)


def _gaussian_regressions(features: int) -> jaxem.Model:
    """Two linear regressions with their own coefficients and noise."""

    def log_joint(params, z, row):
        line = dist.Normal(params["beta"][z] @ row["design"], params["scale"][z])
        return dist.Categorical(params["weights"]).log_prob(z) + line.log_prob(row["y"])

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": jaxem.flat((2,), constraints.simplex),
            "beta": jaxem.flat((2, features)),
            "scale": jaxem.flat((2,), constraints.positive),
        },
    )


def patents() -> Declared:
    """Patents of 70 firms on log research spending: three Poisson regressions."""

    def log_joint(params, z, firm):
        rate = jnp.exp(params["beta"][z] @ firm["spending"])
        return dist.Categorical(params["weights"]).log_prob(z) + dist.Poisson(rate).log_prob(
            firm["patents"]
        )

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={
            "weights": jaxem.flat((3,), constraints.simplex),
            "beta": jaxem.flat((3, 2)),
        },
    )
    return Declared(model, _firms())


def gated_patents() -> Declared:
    """The same, where the share of spending in sales decides which regression a firm follows.

    The gate is a softmax; the logits of the first component are zero.
    """

    def log_joint(params, z, firm):
        logits = jnp.concatenate([jnp.zeros(1), params["gate"] @ firm["share"]])
        rate = jnp.exp(params["beta"][z] @ firm["spending"])
        return jax.nn.log_softmax(logits)[z] + dist.Poisson(rate).log_prob(firm["patents"])

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={"gate": jaxem.flat((2, 2)), "beta": jaxem.flat((3, 2))},
    )
    return Declared(model, _firms())


def _firms() -> dict[str, np.ndarray]:
    """One row a firm: its patents, and an intercept with log spending and with its share."""
    data = case("mixglm_patent_concomitant")["data"]
    ones = np.ones(len(data["Patents"]))
    return {
        "patents": np.array(data["Patents"], int),
        "spending": np.stack([ones, np.array(data["lgRD"])], axis=1),
        "share": np.stack([ones, np.array(data["RDS"])], axis=1),
    }
