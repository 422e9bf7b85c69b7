"""The problem that both libraries are given: Gaussian rows, and the same starts for both."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem


@dataclasses.dataclass(frozen=True)
class Size:
    """Rows, features, components, restarts and EM steps of a benchmark."""

    rows: int
    features: int
    components: int
    restarts: int
    steps: int

    def __str__(self) -> str:
        starts = f", {self.restarts} restarts" if self.restarts > 1 else ""
        return f"N={self.rows:,} D={self.features} K={self.components}{starts}"


def draw_rows(size: Size, seed: int = 0) -> np.ndarray:
    """Rows of K overlapping Gaussians with covariances of their own, (N, D)."""
    rng = np.random.default_rng(seed)
    d, k = size.features, size.components
    shapes = 0.5 * rng.normal(size=(k, d, d))
    factors = np.linalg.cholesky(shapes @ shapes.mT + np.eye(d))
    label = rng.integers(0, k, size.rows)
    noise = np.einsum("nij,nj->ni", factors[label], rng.normal(size=(size.rows, d)))
    return rng.normal(0, 2, (k, d))[label] + noise


def draw_starts(size: Size, rows: np.ndarray, seed: int = 1) -> dict[str, np.ndarray]:
    """Starts with a leading axis of restarts: random rows as centres, the pooled covariance."""
    rng = np.random.default_rng(seed)
    r, k = size.restarts, size.components
    picked = np.stack([rng.choice(len(rows), k, replace=False) for _ in range(r)])
    return {
        "weights": np.full((r, k), 1 / k),
        "loc": rows[picked],
        "cov": np.tile(np.cov(rows.T), (r, k, 1, 1)),
    }


def declare(size: Size) -> jaxem.Model:
    """The full-covariance mixture as a person would declare it; nothing in it is tuned."""
    d, k = size.features, size.components

    def log_joint(params, z, x):
        component = dist.MultivariateNormal(params["loc"][z], params["cov"][z])
        return jnp.log(params["weights"][z]) + component.log_prob(x)

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(k),
        prior={
            "weights": jaxem.flat((k,), constraints.simplex),
            "loc": jaxem.flat((k, d)),
            "cov": jaxem.flat((k, d, d), constraints.positive_definite),
        },
    )
