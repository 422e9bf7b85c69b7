"""Full-covariance Gaussians: the rows, the starts, the declaration, and the fit by jaxem."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem


@dataclasses.dataclass(frozen=True)
class Size:
    """Rows, features, components and restarts of a benchmark."""

    rows: int
    features: int
    components: int
    restarts: int = 1

    def __str__(self) -> str:
        starts = f", {self.restarts} restarts" if self.restarts > 1 else ""
        return f"N={self.rows:,} D={self.features} K={self.components}{starts}"


SMALL = Size(rows=20_000, features=8, components=8)
LARGE = Size(rows=200_000, features=16, components=16)


def draw_rows(size: Size, seed: int = 0) -> np.ndarray:
    """Rows of K overlapping Gaussians with covariances of their own, (N, D).

    Component by component, in place: the memory of a fit is measured on top of this.
    """
    rng = np.random.default_rng(seed)
    d, k = size.features, size.components
    shapes = 0.5 * rng.normal(size=(k, d, d))
    factors = np.linalg.cholesky(shapes @ shapes.mT + np.eye(d))
    label = rng.integers(0, k, size.rows)
    rows = rng.normal(size=(size.rows, d))
    centres = rng.normal(0, 2, (k, d))
    for component in range(k):
        mine = label == component
        rows[mine] = centres[component] + rows[mine] @ factors[component].T
    return rows


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


def fit(model: jaxem.Model, rows, starts, steps: int, tolerance: float = 0) -> jaxem.Fit:
    """All restarts at once; without a tolerance every one takes all the steps."""
    restarts = len(starts["weights"])
    init: dict[str, Any] = starts
    if restarts == 1:
        init = {name: value[0] for name, value in starts.items()}
    return jaxem.fit(
        model, rows, init=init, restarts=restarts, tolerance=tolerance, max_steps=steps
    )
