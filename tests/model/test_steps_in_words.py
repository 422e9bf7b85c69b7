"""Mistakes of those who declare a chain, in the words of sequences and steps."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

PRIOR = {
    "rows": jaxem.flat((2, 2), constraints.simplex),
    "loc": jaxem.flat((2,)),
}


def log_joint(params, z_prev, z, x):
    chances = jnp.ones(2) / 2 if z_prev is None else params["rows"][z_prev]
    return dist.Categorical(chances).log_prob(z) + dist.Normal(params["loc"][z], 1.0).log_prob(x)


def forgetful(params, z_prev, z, x):
    chances = params["rows"][z_prev]
    return dist.Categorical(chances).log_prob(z) + dist.Normal(params["loc"][z], 1.0).log_prob(x)


def test_a_start_that_was_forgotten():
    model = jaxem.Model(forgetful, latent=jaxem.Chain(2), prior=PRIOR)
    with pytest.raises(jaxem.DeclarationError, match=r"z_prev is None, and a\[None\] adds an axis"):
        jaxem.fit(model, np.zeros((2, 5)))


def test_a_missing_number_is_in_a_step_of_a_sequence():
    model = jaxem.Model(log_joint, latent=jaxem.Chain(2), prior=PRIOR)
    data = np.zeros((3, 5))
    data[2, 1] = np.nan
    with pytest.raises(jaxem.DeclarationError, match=r"sequence 2, step 1.*only be masked"):
        jaxem.fit(model, data, lengths=np.array([5, 2, 4]))


def test_lengths_that_a_data_frame_made_floats():
    model = jaxem.Model(log_joint, latent=jaxem.Chain(2), prior=PRIOR)
    with pytest.raises(jaxem.DeclarationError, match=r"astype\(int\)"):
        jaxem.fit(model, np.zeros((3, 5)), lengths=np.array([5.0, 2.0, 4.0]))
