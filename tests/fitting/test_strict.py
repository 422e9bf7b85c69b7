"""Strict arithmetic: no silent promotion of types inside a fit."""

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import constraints

import jaxem

DATA = np.concatenate([np.linspace(-2, 1, 20), np.linspace(2, 6, 20)])


def log_joint(params, z, x):
    """Written by hand, so that no library's promotions are in it."""
    scale = params["scale"][z]
    apart = (x - params["loc"][z]) / scale
    return jnp.log(params["weights"][z]) - jnp.log(scale) - 0.5 * apart * apart


def declare():
    return jaxem.Model(
        log_joint,
        jaxem.Finite(2),
        {
            "weights": jaxem.flat((2,), constraints.simplex),
            "loc": jaxem.flat((2,)),
            "scale": jaxem.flat((2,), constraints.positive),
        },
    )


START = {"weights": np.array([0.4, 0.6]), "loc": np.array([0.0, 3.0]), "scale": np.ones(2)}


def test_types_are_never_promoted():
    plain = jaxem.fit(declare(), DATA, init=START)
    with jax.numpy_dtype_promotion("strict"):
        strict = jaxem.fit(declare(), DATA, init=START)
    np.testing.assert_array_equal(strict.trace, plain.trace)
