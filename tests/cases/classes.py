"""Latent classes: ratings and mixed records that are independent given the class."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from .published import Declared, case


def carcinoma(classes: int) -> Declared:
    """118 slides judged by seven pathologists: is there a carcinoma?"""
    published = case("lca_carcinoma")

    def log_joint(params, z, verdicts):
        kind = dist.Categorical(params["weights"]).log_prob(z)
        return kind + dist.Categorical(params["verdict"][z]).log_prob(verdicts).sum()

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(classes),
        prior={
            "weights": jaxem.flat((classes,), constraints.simplex),
            "verdict": jaxem.flat((classes, 7, 2), constraints.simplex),
        },
    )
    return Declared(model, np.array(published["data"]["Y"]) - 1)


def anaesthetists() -> Declared:
    """Dawid and Skene: 45 patients, five anaesthetists, the first of whom saw each one thrice.

    The start is an M-step from the share of a patient's ratings that fell in each category.
    """
    published = case("dawid_skene_anaesthetists")
    rater = jnp.array(published["data"]["rater"][:7])

    def log_joint(params, z, ratings):
        seen = jnp.log(params["error"][rater, z, ratings])
        return jnp.log(params["weights"][z]) + seen.sum()

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(4),
        prior={
            "weights": jaxem.flat((4,), constraints.simplex),
            "error": jaxem.flat((5, 4, 4), constraints.simplex),
        },
    )
    ratings = np.array(published["data"]["rating"]).reshape(45, 7)
    share = (ratings[:, :, None] == np.arange(4)).mean(axis=1)
    return Declared(model, ratings, None, jaxem.initial.from_responsibilities(share))


def speed() -> Declared:
    """Response times and correctness together: a Gaussian and a Bernoulli that share a class."""
    published = case("mixture_speed_rt_corr_mixed")

    def log_joint(params, z, trial):
        return (
            dist.Categorical(params["weights"]).log_prob(z)
            + dist.Normal(params["loc"][z], params["scale"][z]).log_prob(trial["time"])
            + dist.Bernoulli(params["correct"][z]).log_prob(trial["correct"])
        )

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": jaxem.flat((2,), constraints.simplex),
            "loc": jaxem.flat((2,)),
            "scale": jaxem.flat((2,), constraints.positive),
            "correct": jaxem.flat((2,), constraints.unit_interval),
        },
    )
    data = published["data"]
    return Declared(model, {"time": np.array(data["rt"]), "correct": np.array(data["corr"])})
