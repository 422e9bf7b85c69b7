"""Steps to come of which the inputs are known, and not the response."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem
from jaxem import DeclarationError

VALUES = {
    "initial": [0.6, 0.4],
    "transition": [[[0.1, 0.5]], [[1.0, -0.5]]],
    "coefficients": [[0.0, 1.0], [3.0, -1.0]],
    "variance": [1.0, 2.0],
}
RNG = np.random.default_rng(0)
DATA = {"y": 1 + RNG.normal(size=(3, 6)), "u": RNG.normal(size=(3, 6))}
LENGTHS = np.array([6, 4, 5])
FUTURE = {"u": RNG.normal(size=(3, 2))}


def known(model, values):
    prior = {name: dist.Delta(jnp.asarray(value)) for name, value in values.items()}
    return jaxem.Model(model.log_joint, model.latent, prior)


@functools.cache
def driven():
    model = jaxem.zoo.regression_chain(2, "y", ["u"], transition_covariates=["u"])
    return jaxem.fit(known(model, VALUES), DATA, lengths=LENGTHS)


def test_transitions_follow_from_inputs_alone():
    found = np.asarray(driven().forecast(DATA, future=FUTURE, lengths=LENGTHS))
    state = np.asarray(driven().filtered(DATA, lengths=LENGTHS))[np.arange(3), LENGTHS - 1]
    for step in range(2):
        one = np.array([[0.1, 1.0]]) + FUTURE["u"][:, [step]] * np.array([[0.5, -0.5]])
        odds = np.exp(np.stack([np.zeros((3, 2)), one], -1))
        state = np.einsum("na,nab->nb", state, odds / odds.sum(-1, keepdims=True))
        np.testing.assert_allclose(found[:, step], state, atol=1e-10)


def test_a_response_is_predicted_by_states_to_come():
    def mean(p, z, x):
        return p["coefficients"][z] @ jnp.stack([jnp.ones(()), x["u"]])

    ahead = np.asarray(driven().forecast(DATA, future=FUTURE, lengths=LENGTHS))
    found = driven().expect(FUTURE, mean, states=ahead)
    means = np.stack([FUTURE["u"], 3 - FUTURE["u"]], -1)
    np.testing.assert_allclose(found, (ahead * means).sum(-1), atol=1e-10)


def test_what_is_missing_is_said():
    fit = driven()
    with pytest.raises(DeclarationError, match="steps=k"):
        fit.forecast(DATA, lengths=LENGTHS)
    with pytest.raises(DeclarationError, match="without the response"):
        fit.forecast(DATA, 2, lengths=LENGTHS)
    with pytest.raises(DeclarationError, match="future without the response"):
        fit.forecast(DATA, future={**FUTURE, "y": np.zeros((3, 2))}, lengths=LENGTHS)


@pytest.mark.long
def test_an_emission_on_both_states_is_found_out():
    def log_joint(p, z_prev, z, x):
        if z_prev is None:
            return jnp.log(0.5) + dist.Normal(0.0, 1.0).log_prob(x["y"])
        odds = jnp.stack([p["a"][z_prev] * x["u"], jnp.zeros(())])
        move = dist.CategoricalLogits(odds).log_prob(z)
        return move + dist.Normal(p["a"][z_prev] + z * x["y"], 1.0).log_prob(x["y"])

    model = jaxem.Model(log_joint, jaxem.Chain(2), {"a": dist.Delta(jnp.array([1.0, -2.0]))})
    fit = jaxem.fit(model, DATA, lengths=LENGTHS)
    with pytest.raises(DeclarationError, match=r"state before together|no inverse"):
        fit.forecast(DATA, future=FUTURE, lengths=LENGTHS)


def test_rows_have_no_steps_to_come():
    prior = {"m": dist.Delta(jnp.zeros(2))}
    model = jaxem.Model(
        lambda p, z, x: dist.Normal(p["m"][z], 1.0).log_prob(x) - jnp.log(2.0),
        jaxem.Finite(2),
        prior,
    )
    with pytest.raises(DeclarationError, match="independent rows"):
        jaxem.fit(model, np.zeros(3)).forecast(np.zeros(3))
