"""Regressions behind a hidden switch."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from . import words
from .case import Case
from .counts import shared, simplex
from .gaussians import WEIGHTS
from .regularised import LINE

_rng = np.random.default_rng(9)
DESIGN = np.column_stack([np.ones(80), _rng.normal(size=(80, 2))])
SLOPES = np.array([[1.0, 2.0, -1.0], [-1.0, -1.5, 0.5]])
SWITCH = _rng.random(80) < 1 / (1 + np.exp(-DESIGN @ np.array([0.2, 1.5, 0.0])))
RESPONSE = np.einsum("ij,ij->i", DESIGN, SLOPES[SWITCH * 1]) + 0.5 * _rng.normal(size=80)
VISITS = np.where(_rng.random(80) < 0.3, 0, _rng.poisson(np.exp(DESIGN @ [1.0, 0.4, -0.3])))


def mixture():
    """Two regression lines with ridge priors, and a scale each."""

    def log_joint(params, z, row):
        mean = row["design"] @ params["slopes"][z]
        kind = dist.Categorical(params["weights"]).log_prob(z)
        return kind + dist.Normal(mean, params["scale"][z]).log_prob(row["response"])

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={
                "weights": simplex(2),
                "slopes": jaxem.flat((2, 3)),
                "scale": jaxem.flat((2,), constraints.positive),
            },
        ),
        {"design": DESIGN, "response": RESPONSE},
        {"weights": np.array([0.4, 0.6]), "slopes": SLOPES + 0.5, "scale": np.array([1.0, 1.5])},
        labels={"weights": 0, "slopes": 0, "scale": 0},
        closed={"weights": words.COUNTS, "slopes": words.blocks(3), "scale": words.INVERSE_SQUARE},
        update=_weighted_least_squares,
    )


def _weighted_least_squares(params, data, responsibilities):
    design, response = data["design"], data["response"]
    slopes, scale = [], []
    for share in responsibilities.T:
        normal = design.T @ (share[:, None] * design)
        slopes.append(np.linalg.solve(normal, design.T @ (share * response)))
        left = response - design @ slopes[-1]
        scale.append(np.sqrt(share @ left**2 / share.sum()))
    return {
        "weights": shared(responsibilities),
        "slopes": np.array(slopes),
        "scale": np.array(scale),
    }


def experts():
    """The switch depends on the covariates: a logistic gate has no closed form."""

    def log_joint(params, z, row):
        logits = jnp.append(0.0, row["design"] @ params["gate"])
        mean = row["design"] @ params["slopes"][z]
        gate = dist.Categorical(logits=logits).log_prob(z)
        return gate + dist.Normal(mean, params["scale"]).log_prob(row["response"])

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={
                "gate": jaxem.flat((3,)),
                "slopes": jaxem.flat((2, 3)),
                "scale": jaxem.flat((), constraints.positive),
            },
        ),
        {"design": DESIGN, "response": RESPONSE},
        {"gate": np.array([0.1, 0.2, -0.1]), "slopes": SLOPES + 0.5, "scale": 1.0},
        closed={"slopes": words.blocks(3), "scale": words.INVERSE_SQUARE},
        refused=("gate",),
        exact=False,
    )


def zero_inflated():
    """Counts with more zeros than their regression explains."""

    def log_joint(params, z, row):
        never = jnp.log(params["never"]) + jnp.where(row["visits"] == 0, 0.0, -jnp.inf)
        rate = jnp.exp(row["design"] @ params["slopes"])
        counted = jnp.log1p(-params["never"]) + dist.Poisson(rate).log_prob(row["visits"])
        return jnp.where(z == 0, never, counted)

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(2),
            prior={
                "never": jaxem.flat((), constraints.unit_interval),
                "slopes": jaxem.flat((3,)),
            },
        ),
        {"design": DESIGN, "visits": VISITS},
        {"never": 0.4, "slopes": np.array([0.5, 0.1, 0.1])},
        closed={"never": words.PROPORTION},
        refused=("slopes",),
        exact=False,
    )


def kinked():
    """A Laplace prior: the mode may sit on the kink, and does for weak states."""

    def log_joint(params, z, x):
        kind = dist.Categorical(params["weights"]).log_prob(z)
        return kind + dist.Normal(params["loc"][z], 1.0).log_prob(x)

    def update(params, data, responsibilities):
        counts, total = responsibilities.sum(0), responsibilities.T @ data
        loc = np.sign(total) * np.maximum(np.abs(total) - 50.0, 0.0) / counts
        return {"weights": counts / counts.sum(), "loc": loc}

    return Case(
        jaxem.Model(
            log_joint,
            latent=jaxem.Finite(3),
            prior={"weights": simplex(3), "loc": dist.Laplace(0.0, 0.02).expand([3])},
        ),
        LINE,
        {"weights": WEIGHTS, "loc": np.array([0.5, 2.0, 4.0])},
        labels={"weights": 0, "loc": 0},
        closed={"weights": words.COUNTS},
        thresholds=("loc",),
        update=update,
    )
