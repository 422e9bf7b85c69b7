"""One small mixture on which every kind of M-step is tried."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

_rng = np.random.default_rng(0)
DATA = np.concatenate([_rng.normal(0.0, 1.0, 30), _rng.normal(3.0, 1.5, 30)])
START = {
    "weights": np.array([0.4, 0.6]),
    "loc": np.array([0.5, 2.0]),
    "scale": np.array([1.0, 1.2]),
}


@functools.cache
def mixture() -> jaxem.Model:
    """Two Gaussians."""

    def log_joint(params, z, x):
        kind = jnp.log(params["weights"][z])
        return kind + dist.Normal(params["loc"][z], params["scale"][z]).log_prob(x)

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": jaxem.flat((2,), constraints.simplex),
            "loc": jaxem.flat((2,)),
            "scale": jaxem.flat((2,), constraints.positive),
        },
    )


def fit(m_step=None, **options) -> jaxem.Fit:
    """The mixture from its start, by the M-step given."""
    options = {"init": START, "algorithm": jaxem.EM(m_step=m_step), **options}
    return jaxem.fit(mixture(), DATA, **options)


@functools.cache
def derived() -> jaxem.Fit:
    """What the derived M-step finds."""
    return fit()


@functools.cache
def derived_steps() -> jaxem.Fit:
    """Five steps of it."""
    return fit(tolerance=0, max_steps=5)


def textbook(params, data, responsibilities):
    """The update as a person would write it."""
    counts = responsibilities.sum(0)
    loc = responsibilities.T @ data / counts
    scale = jnp.sqrt((responsibilities * (data[:, None] - loc) ** 2).sum(0) / counts)
    return {"weights": counts / counts.sum(), "loc": loc, "scale": scale}
