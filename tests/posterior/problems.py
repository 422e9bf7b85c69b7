"""Models whose posterior is known, and one mixture with two ways to look at it."""

from functools import cache

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

HEADS = np.tile([1, 1, 0, 1, 1, 0, 1, 1], 5)
POINTS = np.array([1.3, 0.2, 2.4, 1.1, 0.7, 1.9, 1.4])
_rng = np.random.default_rng(5)
PAIRS = np.concatenate([_rng.normal(-2, 1, 25), _rng.normal(3, 0.7, 35)])


def beta_bernoulli():
    """A coin beside a latent state that tells nothing: Beta(2 + heads, 3 + tails)."""

    def log_joint(params, z, x):
        kind = jnp.log(params["kind"][z])
        return kind + dist.Bernoulli(params["coin"]["heads"]).log_prob(x)

    prior = {"kind": dist.Delta(jnp.array([0.3, 0.7]), event_dim=1)}
    return jaxem.Model(
        log_joint, jaxem.Finite(2), {**prior, "coin": {"heads": dist.Beta(2.0, 3.0)}}
    )


def sure_thing():
    """A coin with a flat prior; where all tosses are heads its mode is exactly 1."""
    return jaxem.Model(
        lambda params, z, x: dist.Bernoulli(params["heads"]).log_prob(x),
        jaxem.Finite(1),
        {"heads": jaxem.flat((), constraints.unit_interval)},
    )


def normal_normal():
    """Two means and known variances: Gaussian in the coordinates that are used."""

    def log_joint(params, z, x):
        both = dist.Normal(params["level"] + params["shift"], 0.8).log_prob(x)
        return both + dist.Normal(params["level"], 1.5).log_prob(0.4)

    return jaxem.Model(
        log_joint,
        jaxem.Finite(1),
        {"shift": dist.Normal(1.0, 0.5), "level": dist.Normal(0.0, 2.0)},
    )


def normal_normal_answer(weights):
    """Mean and covariance of (level, shift), and the evidence of the points."""
    total = weights.sum()
    precision = np.diag([1 / 4.0, 1 / 0.25]) + total / 0.64 * np.ones((2, 2))
    precision[0, 0] += total / 2.25
    right = np.array([0.0, 1.0 / 0.25]) + (weights @ POINTS) / 0.64
    right[0] += total * 0.4 / 2.25
    mean = np.linalg.solve(precision, right)
    constant = -0.5 * (1.0 / 0.25) - np.log(2 * np.pi * 2.0 * 0.5)
    constant -= 0.5 * (weights @ POINTS**2 / 0.64 + total * 0.16 / 2.25)
    constant -= total * np.log(2 * np.pi * 0.8 * 1.5)
    evidence = (
        constant + 0.5 * right @ mean - 0.5 * np.linalg.slogdet(precision)[1] + np.log(2 * np.pi)
    )
    return mean, np.linalg.inv(precision), evidence


def mixture():
    """Two Gaussians, a hierarchical prior whose entries are not in the order of dependence."""

    def log_joint(params, z, x):
        kind = dist.Categorical(params["weights"]).log_prob(z)
        return kind + dist.Normal(params["part"]["loc"][z], params["part"]["scale"][z]).log_prob(x)

    return jaxem.Model(
        log_joint,
        jaxem.Finite(2),
        {
            "part": {
                "loc": lambda params: dist.Normal(params["centre"], 2 * params["part"]["scale"]),
                "scale": dist.InverseGamma(jnp.full(2, 3.0), 2.0),
            },
            "weights": dist.Dirichlet(jnp.array([2.0, 3.0])),
            "centre": dist.Normal(0.0, 5.0),
        },
    )


def two_means():
    """Two means with one prior; two anchors replace the rows, where these are many."""
    return jaxem.Model(
        lambda params, z, x: jnp.log(0.5) + dist.Normal(params["loc"][z], 1.3).log_prob(x),
        jaxem.Finite(2),
        {"loc": dist.Normal(0.0, 5.0).expand((2,))},
    )


@cache
def fitted(name: str) -> jaxem.Fit:
    """The fit of a problem; the same object each time."""
    model, data = {"means": (two_means, PAIRS), "coin": (beta_bernoulli, HEADS)}[name]
    return jaxem.fit(model(), data)
