"""Hidden Markov models written with NumPyro's scan."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro import handlers
from numpyro.contrib.control_flow import scan
from numpyro.distributions import constraints

import jaxem

from .case import Case, simplexes


def music(sequences, lengths):
    """The first model of NumPyro's example of hidden Markov models, as it is."""
    hidden = 3
    num_sequences, _, data_dim = sequences.shape
    probs_x = numpyro.sample("probs_x", dist.Dirichlet(0.9 * jnp.eye(hidden) + 1.1).to_event(1))
    probs_y = numpyro.sample("probs_y", dist.Beta(1.1, 1.9).expand([hidden, data_dim]).to_event(2))

    def transition_fn(carry, y):
        x_prev, t = carry
        with numpyro.plate("sequences", num_sequences, dim=-2):
            with handlers.mask(mask=(t < lengths)[..., None]):
                x = numpyro.sample("x", dist.Categorical(probs_x[x_prev]))
                with numpyro.plate("tones", data_dim, dim=-1):
                    numpyro.sample("y", dist.Bernoulli(probs_y[x.squeeze(-1)]), obs=y)
        return (x, t + 1), None

    x_init = jnp.zeros((num_sequences, 1), dtype=jnp.int32)
    scan(transition_fn, (x_init, 0), jnp.swapaxes(sequences, 0, 1))


def counts(y):
    """One sequence; the first state and its datum come before the scan."""
    initial = numpyro.sample("initial", dist.Dirichlet(2.0 * jnp.ones(2)))
    transition = numpyro.sample("transition", dist.Dirichlet(1.5 * jnp.ones((2, 2))).to_event(1))
    rate = numpyro.param("rate", jnp.array([1.0, 4.0]), constraint=constraints.positive)

    def step(z, datum):
        z = numpyro.sample("z", dist.Categorical(transition[z]))
        numpyro.sample("y", dist.Poisson(rate[z]), obs=datum)
        numpyro.deterministic("level", rate[z])
        return z, z

    first = numpyro.sample("z_0", dist.Categorical(initial))
    numpyro.sample("y_0", dist.Poisson(rate[first]), obs=y[0])
    scan(step, first, y[1:])


def silent_start(y):
    """The first state has no datum."""
    transition = numpyro.sample("transition", dist.Dirichlet(1.5 * jnp.ones((2, 2))).to_event(1))
    loc = numpyro.sample("loc", dist.Normal(0.0, 5.0).expand((2,)).to_event(1))

    def step(z, datum):
        z = numpyro.sample("z", dist.Categorical(transition[z]))
        numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=datum)
        return z, None

    first = numpyro.sample("z_0", dist.Categorical(jnp.array([0.3, 0.7])))
    scan(step, first, y)


def regimes(y, x):
    """Sequences with inputs and a lag, which the scan carries; two states a step."""
    n = y.shape[0]
    loc = numpyro.sample("loc", dist.Normal(0.0, 3.0).expand((2,)).to_event(1))
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0))
    lag = numpyro.sample("lag", dist.Normal(0.0, 1.0))
    stay = numpyro.sample("stay", dist.Beta(2.0, 1.0).expand((2,)).to_event(1))

    def step(carry, inputs):
        level, season, before = carry
        y, x = inputs
        with numpyro.plate("series", n):
            move = jnp.stack([stay[level], 1 - stay[level]], -1)
            change = numpyro.sample("change", dist.Categorical(move))
            season = numpyro.sample("season", dist.Bernoulli(0.2 + 0.6 * season))
            mean = loc[change] + 0.5 * season + slope * x + lag * before
            numpyro.sample("y", dist.Normal(mean, 1.0), obs=y)
        return (change, season, y), None

    start = jnp.zeros(n, int), jnp.zeros(n, int), jnp.zeros(n)
    scan(step, start, (y.T, x.T))


def hmm() -> Case:
    """Several sequences; time decides between the first step and the others."""

    def program(y):
        weights = numpyro.sample("weights", dist.Dirichlet(2.0 * jnp.ones(2)))
        rows = numpyro.sample("rows", dist.Dirichlet(1.5 * jnp.ones((2, 2))).to_event(1))
        loc = numpyro.sample("loc", dist.Normal(0.0, 5.0).expand((2,)).to_event(1))
        scale = numpyro.param("scale", jnp.ones(2), constraint=constraints.positive)

        def step(carry, y):
            z, t = carry
            with numpyro.plate("sequence", y.shape[0]):
                chances = jnp.where(t == 0, weights, rows[z])
                z = numpyro.sample("z", dist.Categorical(chances))
                numpyro.sample("y", dist.Normal(loc[z], scale[z]), obs=y)
            return (z, t + 1), None

        scan(step, (jnp.zeros(y.shape[0], int), 0), y.T)

    def log_joint(params, z_prev, z, x):
        chances = params["weights"] if z_prev is None else params["rows"][z_prev]
        emission = dist.Normal(params["loc"][z], params["scale"][z]).log_prob(x)
        return dist.Categorical(chances).log_prob(z) + emission

    twin = jaxem.Model(
        log_joint,
        latent=jaxem.Chain(2),
        prior={
            "weights": dist.Dirichlet(2.0 * jnp.ones(2)),
            "rows": dist.Dirichlet(1.5 * jnp.ones((2, 2))),
            "loc": dist.Normal(0.0, 5.0).expand((2,)),
            "scale": jaxem.flat((2,), constraints.positive),
        },
    )
    rng = np.random.default_rng(11)
    states = np.cumsum(rng.random((6, 25)) < 0.2, axis=1) % 2
    y = rng.normal(3.0 * states, 1.0 - 0.5 * states)
    start = {
        "weights": np.array([0.6, 0.4]),
        "rows": simplexes(rng, 2, 2),
        "loc": np.array([-0.5, 2.0]),
        "scale": np.array([1.5, 0.8]),
    }
    return Case(program, y, twin, y, start)
