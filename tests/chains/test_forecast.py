"""States of steps to come: powers of the transition, or the filter running on."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem import DeclarationError

from .variants import LENGTHS, START, VARIANTS, Y, plain

P = np.array(START["transition"])


@functools.cache
def at_start(name):
    model, data, start = VARIANTS[name]()
    return jaxem.fit(model, data, lengths=LENGTHS, init=start, max_steps=0), data


def last_states(fit, data):
    filtered = np.asarray(fit.filtered(data, lengths=LENGTHS))
    return filtered[np.arange(3), LENGTHS - 1]


def powers(last, matrices):
    out = []
    for matrix in matrices:
        last = last @ matrix
        out.append(last)
    return np.stack(out, 1)


def test_a_transition_that_depends_on_nothing_is_read_off_the_log_joint():
    fit, data = at_start("plain")
    found = fit.forecast(data, 5, lengths=LENGTHS)
    assert found.shape == (3, 5, 2)
    np.testing.assert_allclose(found, powers(last_states(fit, data), [P] * 5), atol=1e-12)


def test_structural_zeros_stay():
    fit, data = at_start("left_right")
    stay = [0.5, 0.6, 1.0]
    matrix = np.diag(stay) + np.diag(1 - np.array(stay[:2]), 1)
    found = fit.forecast(data, steps=3, lengths=LENGTHS)
    np.testing.assert_allclose(found, powers(last_states(fit, data), [matrix] * 3), atol=1e-12)


@pytest.mark.long
def test_a_missing_step_is_a_step_to_come():
    fit, data = at_start("masked")
    future = {"y": np.full((3, 4), 1e3), "seen": np.zeros((3, 4), bool)}
    found = fit.forecast(data, future=future, lengths=LENGTHS)
    np.testing.assert_allclose(found, powers(last_states(fit, data), [P] * 4), atol=1e-12)
    seen = {"y": Y[:, :1], "seen": np.ones((3, 1), bool)}
    with pytest.raises(DeclarationError, match="emission must be left out"):
        fit.forecast(data, future=seen, lengths=LENGTHS)


def driven_and_masked():
    model, data, start = VARIANTS["driven"]()

    def log_joint(p, z_prev, z, x):
        emission = model.log_joint(p, None, z, x) - jnp.log(p["initial"])[z]
        return model.log_joint(p, z_prev, z, x) - jnp.where(x["seen"], 0.0, emission)

    prior = {p.name: jaxem.flat(p.shape, p.constraint) for p in model.parameters}
    seen = np.ones((3, 4), bool)
    return jaxem.Model(log_joint, jaxem.Chain(2), prior), {**data, "seen": seen}, start


@pytest.mark.long
def test_inputs_of_steps_to_come_are_used():
    model, data, start = driven_and_masked()
    fit = jaxem.fit(model, data, lengths=LENGTHS, init=start, max_steps=0)
    with pytest.raises(DeclarationError, match="only you can say"):
        fit.forecast(data, 2, lengths=LENGTHS)
    u = np.array([[0.3, -2.0], [1.0, 0.0], [-1.0, 4.0]])
    future = {"y": np.zeros((3, 2)), "u": u, "seen": np.zeros((3, 2), bool)}
    found = np.asarray(fit.forecast(data, future=future, lengths=LENGTHS))
    last = last_states(fit, data)
    for n in range(3):
        logits = np.array(start["weights"])[None] * u[n][:, None, None] + np.arange(2.0)
        matrices = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        np.testing.assert_allclose(found[n], powers(last[n : n + 1], matrices)[0], atol=1e-12)


def test_what_cannot_be_told_is_refused():
    pairs, counts = at_start("of_pairs")
    with pytest.raises(DeclarationError, match="emissions on the state before"):
        pairs.forecast(counts, 1, lengths=LENGTHS)
    same = {**START, "transition": [[0.4, 0.6], [0.4, 0.6]]}
    fit = jaxem.fit(plain()[0], Y, lengths=LENGTHS, init=same, max_steps=0)
    with pytest.raises(DeclarationError, match="no inverse"):
        fit.forecast(Y, 1, lengths=LENGTHS)
    with pytest.raises(DeclarationError, match="how state 0 is reached"):
        fit.forecast(Y[:, :1], 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "takes steps"),
        ({"steps": 0}, "at least 1"),
        ({"steps": True}, "at least 1"),
        ({"steps": 1, "future": Y}, "not both"),
        ({"future": Y[:2]}, "form of the data"),
        ({"future": {"y": Y}}, "form of the data"),
        ({"future": Y[:, :0]}, "at least 1"),
    ],
)
def test_a_forecast_that_cannot_be_made_is_explained(given, words):
    fit, data = at_start("plain")
    with pytest.raises(DeclarationError, match=words):
        fit.forecast(data, lengths=LENGTHS, **given)
