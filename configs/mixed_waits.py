"""A program as it would be written for NUTS; `mixed_waits.toml` fits it by EM."""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist


def waits(waiting, kinds):
    """A mixture of normal waits, in minutes."""
    weights = numpyro.sample("weights", dist.Dirichlet(2.0 * jnp.ones(kinds)))
    with numpyro.plate("kind", kinds):
        loc = numpyro.sample("loc", dist.Normal(70.0, 30.0))
        scale = numpyro.sample("scale", dist.LogNormal(2.0, 1.0))
    with numpyro.plate("data", len(waiting)):
        z = numpyro.sample("z", dist.Categorical(weights))
        numpyro.sample("waiting", dist.Normal(loc[z], scale[z]), obs=waiting)
