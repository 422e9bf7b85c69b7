"""One small mixture, compiled once, on which the loop and its faces are tried."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

_rng = np.random.default_rng(0)
DATA = np.concatenate([_rng.normal(0.0, 1.0, 70), _rng.normal(3.0, 1.5, 80)])
START = {
    "weights": np.array([0.4, 0.6]),
    "shape": {"loc": np.array([0.5, 2.0]), "scale": np.ones(2)},
}


def declare() -> jaxem.Model:
    """Two Gaussians, with nested parameters and one prior."""

    def log_joint(params, z, x):
        shape = params["shape"]
        kind = jnp.log(params["weights"][z])
        return kind + dist.Normal(shape["loc"][z], shape["scale"][z]).log_prob(x)

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": dist.Dirichlet(jnp.array([2.0, 2.0])),
            "shape": {
                "loc": jaxem.flat((2,)),
                "scale": jaxem.flat((2,), constraints.positive),
            },
        },
    )


mixture = functools.cache(declare)


@functools.cache
def fitted() -> jaxem.Fit:
    """Three starts to their ends, of which the last is symmetric."""
    starts = {
        "weights": np.array([[0.4, 0.6], [0.5, 0.5], [0.5, 0.5]]),
        "shape": {
            "loc": np.array([[0.5, 2.0], [4.0, -1.0], [1.5, 1.5]]),
            "scale": np.ones((3, 2)),
        },
    }
    return jaxem.fit(mixture(), DATA, init=starts, restarts=3)


def steps(count, **options) -> jaxem.Fit:
    """Exactly that many steps from the start."""
    return jaxem.fit(mixture(), DATA, init=START, tolerance=0, max_steps=count, **options)
