"""Three clusters on a line, of which only the centres are unknown; and a few very short chains."""

import functools

import jax.numpy as jnp
import numpy as np

import jaxem
from jaxem.latent.links import Dense, Links, Split

_rng = np.random.default_rng(1)
CLOSE = np.concatenate([_rng.normal(m, 1.0, 30) for m in (-3.0, 0.0, 3.0)])
FAR = np.concatenate([_rng.normal(m, 1.0, 30) for m in (-20.0, 0.0, 20.0)])

#: Two centres share a cluster, and one stands for two.
BAD = {"loc": np.array([-20.5, -19.5, 10.0])}
SAME = {"loc": np.array([0.5, 0.5, 0.5])}

#: How often the log joint was traced.
traced: list[int] = []


@functools.cache
def centres() -> jaxem.Model:
    def log_joint(p, z, x):
        traced.append(1)
        return -0.5 * (x - p["loc"][z]) ** 2 - 0.5 * jnp.log(2 * jnp.pi) - jnp.log(3.0)

    return jaxem.Model(log_joint, jaxem.Finite(3), {"loc": jaxem.flat((3,))})


def fit(points: np.ndarray, **options) -> jaxem.Fit:
    """From two starts, always, so that programs are shared."""
    return jaxem.fit(centres(), points, restarts=2, **options)


def log_likelihood(points: np.ndarray, loc: np.ndarray) -> float:
    """A sum over rows and states, literally."""
    total = 0.0
    for x in points:
        logs = [-0.5 * (x - m) ** 2 - 0.5 * np.log(2 * np.pi) - np.log(3) for m in loc]
        total += np.logaddexp.reduce(logs)
    return total


def best(points: np.ndarray) -> jaxem.Fit:
    """Plain EM from a good start."""
    return fit(points, init={"loc": np.array([points[:30].mean(), 0.5, points[60:].mean()])})


def small_links(kind: str) -> Links:
    """Two sequences of four and three steps, and two states."""
    rng = np.random.default_rng(1)
    start = jnp.asarray(rng.normal(size=(2, 2)))
    valid = jnp.asarray([[True, True], [True, True], [True, False]])
    if kind == "dense":
        return Links(start, Dense(jnp.asarray(rng.normal(size=(3, 2, 2, 2)))), valid)
    emission = jnp.asarray(rng.normal(size=(3, 2, 2)))
    return Links(start, Split(jnp.asarray(rng.normal(size=(2, 2))), emission), valid)
