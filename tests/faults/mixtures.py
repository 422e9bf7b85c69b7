"""Small mixtures to break."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

#: Two heaps that overlap.
TWO = np.concatenate([np.linspace(-2.0, 2.0, 20), np.linspace(1.0, 5.5, 20)])


def weights(states):
    return jaxem.flat((states,), constraints.simplex)


def positive(*shape):
    return jaxem.flat(shape, constraints.positive)


def normals(states=2):
    """One-dimensional Gaussians, every scale free."""

    def log_joint(params, z, x):
        kind = jnp.log(params["weights"][z])
        return kind + dist.Normal(params["loc"][z], params["scale"][z]).log_prob(x)

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(states),
        prior={"weights": weights(states), "loc": jaxem.flat((states,)), "scale": positive(states)},
    )


def centres(states=2):
    """One-dimensional Gaussians of scale 1."""

    def log_joint(params, z, x):
        kind = jnp.log(params["weights"][z])
        return kind + dist.Normal(params["loc"][z], 1.0).log_prob(x)

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(states),
        prior={"weights": weights(states), "loc": jaxem.flat((states,))},
    )


def choices(concentration=None):
    """Two latent classes and two questions with three answers; the log of a table."""

    def log_joint(params, z, answers):
        chances = params["answer"][z, jnp.arange(2), answers]
        return jnp.log(params["weights"][z]) + jnp.log(chances).sum()

    table = jaxem.flat((2, 2, 3), constraints.simplex)
    if concentration is not None:
        table = dist.Dirichlet(jnp.full((2, 2, 3), concentration))
    return jaxem.Model(
        log_joint, latent=jaxem.Finite(2), prior={"weights": weights(2), "answer": table}
    )


def normals_start(loc, scale=None):
    """Equal weights; scales of 1 unless given."""
    states = len(loc)
    return {
        "weights": np.full(states, 1 / states),
        "loc": np.asarray(loc, float),
        "scale": np.ones(states) if scale is None else np.asarray(scale, float),
    }


ANSWERS = np.random.default_rng(0).integers(0, 3, (40, 2))
