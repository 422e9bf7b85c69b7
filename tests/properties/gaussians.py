"""Mixtures of Gaussians in every parametrisation that people use."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

from . import words
from .case import Case

CENTRES = np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 5.0]])
_rng = np.random.default_rng(1)
POINTS = np.concatenate([_rng.normal(c, [1.0, 1.4], size=(20, 2)) for c in CENTRES])
LABELS = np.where(np.arange(60) % 4 == 0, np.repeat([0, 1, 2], 20), -1)

WEIGHTS = np.array([0.3, 0.45, 0.25])
LOC = np.array([[0.5, 1.0], [3.0, 1.0], [1.0, 4.0]])
SPREAD = np.array([[2.0, 0.3], [0.3, 1.5]])
simplex = jaxem.flat((3,), constraints.simplex)


def moments(data, responsibilities):
    """Counts, centres and scatter matrices about the centres."""
    counts = responsibilities.sum(0)
    loc = responsibilities.T @ data / counts[:, None]
    return counts, loc, scatter(data, responsibilities, loc)


def scatter(data, responsibilities, loc):
    apart = data[:, None] - loc
    return np.einsum("nk,nki,nkj->kij", responsibilities, apart, apart)


def _mixture(log_density, prior, start, spread, form, loc=words.QUADRATIC, shared=False):
    """K weights, K centres and one more parameter, whose update is `spread`."""

    def log_joint(params, z, x):
        return dist.Categorical(params["weights"]).log_prob(z) + log_density(params, z, x)

    (name,) = prior
    model = jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={"weights": simplex, "loc": jaxem.flat((3, 2)), **prior},
    )

    def update(params, data, responsibilities):
        counts, loc, about = moments(data, responsibilities)
        return {"weights": counts / counts.sum(), "loc": loc, name: spread(counts, about)}

    return Case(
        model,
        POINTS,
        {"weights": WEIGHTS, "loc": LOC, name: start},
        labels={"weights": 0, "loc": 0} | ({} if shared else {name: 0}),
        closed={"weights": words.COUNTS, "loc": loc, name: form},
        update=update,
    )


def full():
    return _mixture(
        lambda p, z, x: dist.MultivariateNormal(p["loc"][z], p["cov"][z]).log_prob(x),
        {"cov": jaxem.flat((3, 2, 2), constraints.positive_definite)},
        np.stack([SPREAD, 1.5 * SPREAD, 0.8 * SPREAD]),
        lambda counts, about: about / counts[:, None, None],
        words.SCATTER,
        loc=words.blocks(2),
    )


def tied():
    return _mixture(
        lambda p, z, x: dist.MultivariateNormal(p["loc"][z], p["cov"]).log_prob(x),
        {"cov": jaxem.flat((2, 2), constraints.positive_definite)},
        SPREAD,
        lambda counts, about: about.sum(0) / counts.sum(),
        words.SCATTER,
        loc=words.blocks(2),
        shared=True,
    )


def diagonal():
    return _mixture(
        lambda p, z, x: dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x).sum(),
        {"scale": jaxem.flat((3, 2), constraints.positive)},
        np.array([[1.0, 1.2], [1.5, 1.0], [0.8, 2.0]]),
        lambda counts, about: np.sqrt(np.einsum("kii->ki", about) / counts[:, None]),
        words.INVERSE_SQUARE,
    )


def spherical():
    return _mixture(
        lambda p, z, x: dist.Normal(p["loc"][z], jnp.sqrt(p["variance"][z])).log_prob(x).sum(),
        {"variance": jaxem.flat((3,), constraints.positive)},
        np.array([1.0, 2.0, 1.5]),
        lambda counts, about: np.einsum("kii->k", about) / counts / 2,
        words.INVERSE_RATE,
    )


def cholesky():
    return _mixture(
        lambda p, z, x: dist.MultivariateNormal(p["loc"][z], scale_tril=p["tril"][z]).log_prob(x),
        {"tril": jaxem.flat((3, 2, 2), constraints.lower_cholesky)},
        np.linalg.cholesky(np.stack([SPREAD, 1.5 * SPREAD, 0.8 * SPREAD])),
        lambda counts, about: np.linalg.cholesky(about / counts[:, None, None]),
        words.CHOLESKY,
        loc=words.blocks(2),
    )


def precision():
    def log_density(params, z, x):
        apart = x - params["loc"][z]
        matrix = params["precision"][z]
        return (jnp.linalg.slogdet(matrix)[1] - apart @ matrix @ apart) / 2

    return _mixture(
        log_density,
        {"precision": jaxem.flat((3, 2, 2), constraints.positive_definite)},
        np.linalg.inv(np.stack([SPREAD, 1.5 * SPREAD, 0.8 * SPREAD])),
        lambda counts, about: np.linalg.inv(about / counts[:, None, None]),
        words.PRECISION,
        loc=words.blocks(2),
    )
