"""Counts that repeat, and a mixture of Poissons for them."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

_rng = np.random.default_rng(5)
COUNTS = np.concatenate([_rng.poisson(3.0, 400), _rng.poisson(9.0, 300)]).astype(float)
START = {"weights": np.array([0.3, 0.7]), "rate": np.array([2.0, 7.0])}


@functools.cache
def counts_model() -> jaxem.Model:
    def log_joint(params, z, x):
        return jnp.log(params["weights"][z]) + dist.Poisson(params["rate"][z]).log_prob(x)

    prior = {
        "weights": jaxem.flat((2,), constraints.simplex),
        "rate": jaxem.flat((2,), constraints.positive),
    }
    return jaxem.Model(log_joint, jaxem.Finite(2), prior)
