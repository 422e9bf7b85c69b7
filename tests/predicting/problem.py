"""Two fits that were stopped early, whose joint is known: of two hidden parts, and of a chain."""

from functools import cache

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

import jaxem

ROWS = np.array([0.3, -1.2, 4.0, 2.2, 0.9])
SERIES, LENGTHS = jaxem.sequences([[0, 3, 4], [5, 1, 0, 2], [2]])
SHARE = np.array([[0.2, 0.3], [0.1, 0.4]])


def of_parts(params, z, x):
    """Two hidden parts; they are never 1 and 0."""
    log_share = jnp.log(params["share"])[z["left"], z["right"]]
    never = (z["left"] == 1) & (z["right"] == 0)
    here = params["loc"][z["left"]] + params["shift"][z["right"]]
    return jnp.where(never, -jnp.inf, log_share + dist.Normal(here, 1.0).log_prob(x))


def of_step(params, z_prev, z, x):
    chances = params["first"] if z_prev is None else params["move"][z_prev]
    return jnp.log(chances)[z] + dist.Poisson(params["rate"][z]).log_prob(x)


@cache
def parts():
    prior = {
        "share": dist.Delta(jnp.array(SHARE), event_dim=2),
        "loc": jaxem.flat((2,)),
        "shift": dist.Normal(jnp.zeros(2), 1.0),
    }
    model = jaxem.Model(of_parts, jaxem.Finite(left=2, right=2), prior)
    start = {"loc": [0.0, 3.0], "shift": [-0.5, 0.5]}
    return jaxem.fit(model, ROWS, init=start, max_steps=1)


def step_prior():
    return {
        "first": jaxem.flat((2,), constraints.simplex),
        "move": jaxem.flat((2, 2), constraints.simplex),
        "rate": jaxem.flat((2,), constraints.positive),
    }


@cache
def chain():
    start = {"first": [0.6, 0.4], "move": [[0.7, 0.3], [0.4, 0.6]], "rate": [1.0, 4.0]}
    model = jaxem.Model(of_step, jaxem.Chain(2), step_prior())
    return jaxem.fit(model, SERIES, lengths=LENGTHS, init=start, max_steps=1)
