"""A run thrown to an edge of a support is no maximum, however flat it is there in logarithms."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

NODES, MASSES = np.polynomial.hermite_e.hermegauss(9)


@pytest.fixture(scope="module")
def ability():
    """Answers of 200 people of different ability to five questions; a normal by quadrature."""
    rng = np.random.default_rng(0)
    skill = rng.normal(size=(200, 1))
    answers = (rng.random((200, 5)) < 1 / (1 + np.exp(-1.5 * skill))).astype(int)
    log_masses = jnp.log(MASSES / MASSES.sum())

    def log_joint(params, z, x):
        logits = params["slope"] * jnp.asarray(NODES)[z] + params["level"]
        return log_masses[z] + dist.Bernoulli(logits=logits).log_prob(x).sum()

    prior = {"slope": jaxem.flat((), constraints.positive), "level": jaxem.flat((5,))}
    return jaxem.Model(log_joint, jaxem.Finite(9), prior), answers


def test_a_slope_of_nothing_is_a_saddle(ability):
    model, answers = ability
    start = {"slope": 1e-9, "level": np.zeros(5)}
    fit = jaxem.fit(model, answers, init=start)
    assert fit.status == jaxem.Status.SADDLE


def test_some_default_starts_find_the_maximum(ability):
    model, answers = ability
    fit = jaxem.fit(model, answers, restarts=4)
    assert fit.converged
    assert 0.8 < fit.params["slope"] < 2.5
    assert fit.log_likelihood > -700
