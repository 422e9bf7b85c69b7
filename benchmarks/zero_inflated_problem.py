"""Counts with too many zeros: the rows, the start, and the density that both libraries are given.

State 0 is a count that is always zero; the others are negative binomials.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem


@dataclasses.dataclass(frozen=True)
class Size:
    """Rows, negative binomials, and whether their log mean depends on a covariate."""

    rows: int
    components: int
    covariate: bool

    def __str__(self) -> str:
        words = "one covariate" if self.covariate else "no covariate"
        return f"N={self.rows:,} K={self.components}, {words}"


def draw_rows(size: Size, seed: int = 0) -> dict[str, np.ndarray]:
    """Counts, and a covariate that acts on them only where the model has one."""
    rng = np.random.default_rng(seed)
    k = size.components
    covariate = rng.normal(size=size.rows)
    state = rng.integers(0, k + 1, size.rows)
    which = np.maximum(state - 1, 0)
    slope = np.linspace(-0.5, 0.5, k)[which] if size.covariate else 0.0
    mean = np.geomspace(2.0, 60.0, k)[which] * np.exp(slope * covariate)
    shape = np.geomspace(3.0, 12.0, k)[which]
    count = np.where(state == 0, 0, rng.poisson(rng.gamma(shape, mean / shape)))
    return {"count": count} | ({"covariate": covariate} if size.covariate else {})


def draw_start(size: Size, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Equal weights, and means spread over the counts that are not zero."""
    k = size.components
    positive = rows["count"][rows["count"] > 0]
    start = {
        "weights": np.full(k + 1, 1 / (k + 1)),
        "mean": np.quantile(positive, (np.arange(k) + 0.5) / k),
        "concentration": np.full(k, 2.0),
    }
    return start | ({"slope": np.zeros(k)} if size.covariate else {})


def supports(size: Size) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Shape and support of every parameter."""
    k = size.components
    found = {
        "weights": ((k + 1,), constraints.simplex),
        "mean": ((k,), constraints.positive),
        "concentration": ((k,), constraints.positive),
    }
    return found | ({"slope": ((k,), constraints.real)} if size.covariate else {})


def log_density(params, z, x):
    """Log density of a count in its state; arrays of states and rows broadcast."""
    which = jnp.maximum(z - 1, 0)
    mean = params["mean"][which]
    if "slope" in params:
        mean = mean * jnp.exp(params["slope"][which] * x["covariate"])
    counts = dist.NegativeBinomial2(mean, params["concentration"][which])
    always_zero = jnp.where(x["count"] == 0, 0.0, -jnp.inf)
    return jnp.where(z == 0, always_zero, counts.log_prob(x["count"]))


def declare(size: Size) -> jaxem.Model:
    """The mixture for jaxem."""

    def log_joint(params, z, x):
        return dist.CategoricalProbs(params["weights"]).log_prob(z) + log_density(params, z, x)

    prior = {name: jaxem.flat(*support) for name, support in supports(size).items()}
    return jaxem.Model(log_joint, latent=jaxem.Finite(size.components + 1), prior=prior)
