"""Data to which the parameters give no density, in every reading; parameters that are all known."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem
from jaxem import DeclarationError

CHANCES = {
    "initial": [0.5, 0.5],
    "transition": [[0.8, 0.2], [0.3, 0.7]],
    "probs": [[0.6, 0.3, 0.1, 0.0], [0.1, 0.3, 0.6, 0.0]],
}
SEEN = np.array([[0, 1, 2, 2, 0], [2, 2, 1, 0, 0]])
NEW = np.array([[0, 1, 2, 2, 0], [0, 1, 3, 2, 0], [0, 0, 0, 0, 3]])


def known(model, values):
    prior = {name: dist.Delta(jnp.asarray(value)) for name, value in values.items()}
    return jaxem.Model(model.log_joint, model.latent, prior)


@functools.cache
def chain():
    return jaxem.fit(known(jaxem.zoo.categorical_chain(2, 4), CHANCES), SEEN)


@functools.cache
def rows():
    def log_joint(p, z, x):
        return jnp.log(p["weights"])[z] + dist.Uniform(p["low"][z], p["low"][z] + 1).log_prob(x)

    values = {"weights": [0.25, 0.75], "low": [0.0, 0.5]}
    prior = {name: dist.Delta(jnp.asarray(value)) for name, value in values.items()}
    return jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(2), prior), np.array([0.2, 0.7, 1.2]))


def told(read, count, first):
    with pytest.warns(UserWarning, match=f"{count} of .* first (row|sequence) {first}") as caught:
        found = read()
    assert len(caught) == 1
    return found


def test_known_parameters_are_evaluated_without_a_step():
    fit = chain()
    model = jaxem.zoo.categorical_chain(2, 4)
    right = float(model.log_likelihood(CHANCES, jnp.asarray(SEEN)))
    assert fit.converged and fit.steps == 0 and "nothing was estimated" in fit.notes[0]
    assert fit.objective == pytest.approx(right, abs=1e-12) and str(fit)
    np.testing.assert_array_equal(fit.params["transition"], CHANCES["transition"])
    with pytest.raises(DeclarationError, match="nothing was estimated"):
        fit.errors(SEEN)


def test_steps_to_come_of_a_known_chain():
    last = np.asarray(chain().filtered(SEEN))[:, -1]
    ahead = chain().forecast(SEEN, 2)
    np.testing.assert_allclose(ahead[:, 0], last @ CHANCES["transition"], atol=1e-12)


@pytest.mark.parametrize("name", ["predict", "responsibilities", "filtered", "viterbi"])
def test_impossible_sequences_are_told(name):
    found = told(lambda: getattr(chain(), name)(NEW), 2, 1)
    states = np.asarray(found[0] if name == "viterbi" else found)
    gone = states == -1 if states.dtype.kind == "i" else np.isnan(states)
    assert gone[1:].all() and not gone[0].any()
    if name == "viterbi":
        assert np.all(np.isneginf(found[1][1:])) and np.isfinite(found[1][0])


@pytest.mark.long
@pytest.mark.parametrize(
    "read",
    [
        lambda fit: fit.pairwise(NEW),
        lambda fit: fit.sample_paths(NEW, draws=2)[0],
        lambda fit: fit.forecast(NEW, 1),
        lambda fit: fit.expect(NEW, lambda p, z, x: p["probs"][z]),
    ],
)
def test_so_are_they_in_other_readings(read):
    found = np.asarray(told(lambda: read(chain()), 2, 1))
    gone = found == -1 if found.dtype.kind == "i" else np.isnan(found)
    assert gone[1:].all() and not gone[0].any()


def test_impossible_rows_are_told():
    new = np.array([0.2, -1.0, 0.7, 9.0])
    states = told(lambda: rows().predict(new), 2, 1)
    np.testing.assert_array_equal(states, [0, -1, 1, -1])
    responsibilities = np.asarray(told(lambda: rows().responsibilities(new), 2, 1))
    np.testing.assert_allclose(responsibilities[[0, 2]], [[1, 0], [0.25, 0.75]], atol=1e-12)
    assert np.isnan(responsibilities[[1, 3]]).all()
    density = told(lambda: rows().log_density(new), 2, 1)
    np.testing.assert_allclose(np.exp(density), [0.25, 0, 1.0, 0], atol=1e-12)


def test_expectations_under_given_probabilities_condition_on_nothing():
    def low(p, z, x):
        return p["low"][z] + x["u"]

    fit = rows()
    found = fit.expect({"u": np.array([1.0, 2.0])}, low, states=fit.params["weights"])
    np.testing.assert_allclose(found, [1.375, 2.375], atol=1e-12)
    with pytest.raises(DeclarationError, match="expected"):
        fit.expect({"u": np.array([1.0, 2.0])}, low, states=np.ones((3, 2)) / 2)
    with pytest.raises(DeclarationError, match="sum 1"):
        fit.expect({"u": np.array([1.0, 2.0])}, low, states=[0.5, 0.6])
