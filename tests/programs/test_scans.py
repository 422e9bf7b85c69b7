"""What a scan over hidden states becomes: a chain, fitted and read as any other."""

import numpy as np
import pytest

import jaxem

from . import chains
from .twins import program, twins


@pytest.fixture(scope="module")
def fitted():
    case = twins("hidden markov")
    return jaxem.fit(
        program("hidden markov"), case.data, init=case.start, max_steps=25, tolerance=0
    )


def test_states_are_read_by_sequence_and_time(fitted):
    y = twins("hidden markov").data
    gamma = fitted.responsibilities(y)
    assert gamma.shape == (6, 25, 2)
    np.testing.assert_allclose(gamma.sum(-1), 1)
    # what a sequence says of itself does not depend on the others, nor on how many they are
    np.testing.assert_allclose(fitted.responsibilities(y[:2, :9]).shape, (2, 9, 2))
    np.testing.assert_allclose(fitted.log_density(y[2:3]), fitted.log_density(y)[2:3], rtol=1e-12)
    path, value = fitted.viterbi(y)
    assert path.shape == (6, 25)
    assert np.all(value < fitted.log_density(y))


def test_a_state_before_the_data_is_a_step_of_its_own():
    y = np.random.default_rng(3).normal(np.repeat([0.0, 5.0, 0.0], 8), 1.0)
    fit = jaxem.fit(jaxem.from_numpyro(chains.silent_start), y, max_steps=5, tolerance=0)
    assert fit.predict(y).shape == (1, 25)


START = {
    "initial": np.array([0.5, 0.5]),
    "transition": np.array([[0.8, 0.2], [0.3, 0.7]]),
    "rate": np.array([1.0, 7.0]),
}


def test_deterministic_sites_are_those_of_the_best_path():
    y = np.random.default_rng(4).poisson(np.repeat([1, 8, 1], 10))
    source = jaxem.from_numpyro(chains.counts)
    fit = jaxem.fit(source, y, init=START, max_steps=20)
    found = source.deterministic(fit.params, y)
    path = fit.predict(y)[0]
    np.testing.assert_array_equal(found["level"], np.asarray(fit.params["rate"])[path[1:]])
