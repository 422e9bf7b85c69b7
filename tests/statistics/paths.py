"""A small mixture with anchors, and a way to send fits along each path."""

import dataclasses
import functools
import importlib

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem
from jaxem.data.fit_data import find_fit_data

# The package's own name for it is the function.
FIT = importlib.import_module("jaxem.fitting.fit")

_rng = np.random.default_rng(11)
ROWS = 211
NORMAL = np.concatenate([_rng.normal(0.0, 1.0, 111), _rng.normal(3.0, 1.5, 100)])
GAMMA = np.concatenate([_rng.gamma(2.0, 0.5, 111), _rng.gamma(9.0, 1.0, 100)])
NORMAL_STARTS = {
    "weights": np.array([[0.4, 0.6], [0.7, 0.3]]),
    "loc": np.array([[0.5, 2.0], [4.0, -1.0]]),
    "scale": np.array([[1.0, 1.0], [2.0, 1.0]]),
}
GAMMA_START = {
    "weights": np.array([0.4, 0.6]),
    "shape": np.array([2.0, 5.0]),
    "rate": np.array([1.0, 1.0]),
}


_POSITIVE = jaxem.flat((2,), constraints.positive)


def _mixture(density, **prior) -> jaxem.Model:
    def log_joint(params, z, x):
        return jnp.log(params["weights"][z]) + density(params, z).log_prob(x)

    return jaxem.Model(log_joint, jaxem.Finite(2), prior)


@functools.cache
def normals() -> jaxem.Model:
    """Closed forms throughout."""
    return _mixture(
        lambda params, z: dist.Normal(params["loc"][z], params["scale"][z]),
        weights=dist.Dirichlet(jnp.array([2.0, 2.0])),
        loc=jaxem.flat((2,)),
        scale=_POSITIVE,
    )


@functools.cache
def gammas() -> jaxem.Model:
    """Newton's method on shapes and rates."""
    return _mixture(
        lambda params, z: dist.Gamma(params["shape"][z], params["rate"][z]),
        weights=jaxem.flat((2,), constraints.simplex),
        shape=_POSITIVE,
        rate=_POSITIVE,
    )


def begin_with(monkeypatch, path: str) -> None:
    """Fits begin with this path from now on."""

    def find(*args):
        return dataclasses.replace(find_fit_data(*args), first=path)

    monkeypatch.setattr(FIT, "find_fit_data", find)
