"""Three small problems: rows with priors, rows with covariates, and sequences."""

import functools
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem


class Problem(NamedTuple):
    """A model and data, with a start near the mode."""

    model: jaxem.Model
    data: Any
    start: Any
    weights: np.ndarray
    lengths: Any = None

    def fit(self, data=None, weights=None, start=None):
        """A fit as close to the mode as it gets."""
        return jaxem.fit(
            self.model,
            self.data if data is None else data,
            init=self.start if start is None else start,
            weights=self.weights if weights is None else weights,
            lengths=self.lengths,
            tolerance=1e-17,
            finish="newton",
        )

    @property
    def given(self):
        """What is said of the data besides the data."""
        return {"weights": self.weights, "lengths": self.lengths}


@functools.cache
def mixture():
    """Two normals, with a prior for everything."""

    def log_joint(params, z, x):
        own = dist.Normal(params["loc"][z], params["scale"][z]).log_prob(x)
        return jnp.log(params["weights"][z]) + own

    prior = {
        "weights": dist.Dirichlet(jnp.array([2.0, 3.0])),
        "loc": dist.Normal(0.0, 5.0).expand((2,)),
        "scale": dist.LogNormal(jnp.zeros(2), 1.0),
    }
    rng = np.random.default_rng(0)
    rows = rng.normal(size=30)
    rows[:12] = 3 + 0.6 * rows[:12]
    start = {"weights": [0.5, 0.5], "loc": [3.0, 0.0], "scale": [1.0, 1.0]}
    model = jaxem.Model(log_joint, jaxem.Finite(2), prior)
    return Problem(model, rows, start, rng.integers(1, 4, 30).astype(float))


@functools.cache
def regression():
    """Two Poisson regressions; the counts are integers, the covariate is a float."""

    def log_joint(params, z, row):
        rate = jnp.exp(params["base"][z] + params["slope"][z] * row["x"])
        return jnp.log(params["share"][z]) + dist.Poisson(rate).log_prob(row["y"])

    prior = {
        "share": jaxem.flat((2,), constraints.simplex),
        "base": jaxem.flat((2,)),
        "slope": dist.Normal(0.0, 1.0).expand((2,)),
    }
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, 40)
    y = rng.poisson(np.exp(np.where(np.arange(40) < 18, 2.5 + x, 0.5 - x)))
    start = {"share": [0.5, 0.5], "base": [2.5, 0.5], "slope": [1.0, -1.0]}
    model = jaxem.Model(log_joint, jaxem.Finite(2), prior)
    return Problem(model, {"x": x, "y": y}, start, np.ones(40))


@functools.cache
def chain():
    """Two states that like to stay; sequences of unequal length."""

    def log_joint(params, z_prev, z, x):
        stay = params["stay"]
        share = 0.5 if z_prev is None else jnp.where(z == z_prev, stay, 1 - stay)
        return jnp.log(share) + dist.Normal(params["loc"][z], params["scale"]).log_prob(x)

    prior = {
        "stay": dist.Beta(4.0, 2.0),
        "loc": jaxem.flat((2,)),
        "scale": jaxem.flat((), constraints.positive),
    }
    rng = np.random.default_rng(2)
    parts = [rng.normal(size=n) + 3 * (np.arange(n) % 8 > 3) for n in (6, 9, 8, 7)]
    data, lengths = jaxem.sequences(parts)
    start = {"stay": 0.7, "loc": [0.0, 3.0], "scale": 1.0}
    model = jaxem.Model(log_joint, jaxem.Chain(2), prior)
    return Problem(model, data, start, np.array([1.0, 2.0, 1.0, 1.5]), lengths)
