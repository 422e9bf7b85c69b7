"""Gaussian mixtures with more than a likelihood: priors, hierarchies, logits, known labels."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from . import words
from .case import Case
from .gaussians import LABELS, LOC, POINTS, SPREAD, WEIGHTS, moments, scatter, simplex

LINE = POINTS[:, 0] + 0.3 * POINTS[:, 1]


def conjugate(kappa=0.7, df=6.0):
    """Normal-inverse-Wishart and Dirichlet: the location's prior asks for the covariance."""
    centre = np.array([1.0, 2.0])
    scale = np.array([[2.0, 0.3], [0.3, 1.0]])

    def log_joint(params, z, x):
        kind = dist.Categorical(params["weights"]).log_prob(z)
        return kind + dist.MultivariateNormal(params["loc"][z], params["cov"][z]).log_prob(x)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={
            "weights": dist.Dirichlet(jnp.array([2.0, 3.0, 1.5])),
            "loc": lambda params: dist.MultivariateNormal(centre, params["cov"] / kappa),
            "cov": dist.InverseWishart(df, scale_matrix=jnp.asarray(scale)).expand([3]),
        },
    )

    def update(params, data, responsibilities):
        counts = responsibilities.sum(0)
        pulled = counts + np.array([1.0, 2.0, 0.5])
        loc = (responsibilities.T @ data + kappa * centre) / (counts + kappa)[:, None]
        about = scatter(data, responsibilities, loc) + kappa * np.einsum(
            "ki,kj->kij", loc - centre, loc - centre
        )
        cov = (about + scale) / (counts + df + 2 + 2)[:, None, None]
        return {"weights": pulled / pulled.sum(), "loc": loc, "cov": cov}

    return Case(
        model,
        POINTS,
        {"weights": WEIGHTS, "loc": LOC, "cov": np.stack([SPREAD, 1.5 * SPREAD, 0.8 * SPREAD])},
        closed={"weights": words.COUNTS, "loc": words.blocks(2), "cov": words.SCATTER},
        update=update,
    )


def hierarchical():
    """Centres drawn about an unknown centre, with an unknown variance; nested parameters."""

    def log_joint(params, z, x):
        kind = jnp.log(params["weights"][z])
        return kind + dist.Normal(params["group"]["loc"][z], 1.0).log_prob(x)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={
            "weights": simplex,
            "group": {
                "loc": lambda params: dist.Normal(
                    params["group"]["centre"], jnp.sqrt(params["group"]["variance"])
                ).expand([3]),
                "centre": jaxem.flat(),
                "variance": dist.InverseGamma(2.0, 1.0),
            },
        },
    )
    return Case(
        model,
        LINE,
        {
            "weights": WEIGHTS,
            "group": {"loc": np.array([0.0, 2.0, 4.0]), "centre": 1.0, "variance": 2.0},
        },
        labels={"weights": 0, "group.loc": 0},
        exact=False,
    )


def semi_supervised():
    """A known label is data for the log joint: other states are impossible."""

    def log_joint(params, z, row):
        allowed = (row["label"] < 0) | (row["label"] == z)
        kind = dist.Categorical(params["weights"]).log_prob(z)
        density = dist.Normal(params["loc"][z], params["scale"][z]).log_prob(row["x"])
        return jnp.where(allowed, kind + density, -jnp.inf)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={
            "weights": simplex,
            "loc": jaxem.flat((3,)),
            "scale": jaxem.flat((3,), constraints.positive),
        },
    )

    def update(params, data, responsibilities):
        counts, loc, about = moments(data["x"][:, None], responsibilities)
        scale = np.sqrt(about[:, 0, 0] / counts)
        return {"weights": counts / counts.sum(), "loc": loc[:, 0], "scale": scale}

    return Case(
        model,
        {"x": LINE, "label": LABELS},
        {"weights": WEIGHTS, "loc": np.array([0.0, 3.0, 2.0]), "scale": np.array([1.0, 1.5, 2.0])},
        closed={"weights": words.COUNTS, "loc": words.QUADRATIC, "scale": words.INVERSE_SQUARE},
        update=update,
    )


def logits():
    """No support but the real line: logits of the weights and logarithms of the scales."""

    def log_joint(params, z, x):
        kind = dist.Categorical(logits=params["logits"]).log_prob(z)
        return kind + dist.Normal(params["loc"][z], jnp.exp(params["log_scale"][z])).log_prob(x)

    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={
            "logits": jaxem.flat((3,)),
            "loc": jaxem.flat((3,)),
            "log_scale": jaxem.flat((3,)),
        },
    )

    def update(params, data, responsibilities):
        counts, loc, about = moments(data[:, None], responsibilities)
        log_scale = np.log(about[:, 0, 0] / counts) / 2
        return {"logits": np.log(counts / counts.sum()), "loc": loc[:, 0], "log_scale": log_scale}

    return Case(
        model,
        LINE,
        {
            "logits": np.log(WEIGHTS),
            "loc": np.array([0.0, 4.5, 2.2]),
            "log_scale": np.array([0.0, 0.1, -0.1]),
        },
        labels={"logits": 0, "loc": 0, "log_scale": 0},
        closed={"logits": words.LOGITS, "loc": words.QUADRATIC, "log_scale": words.LOG_SCALE},
        update=update,
    )
