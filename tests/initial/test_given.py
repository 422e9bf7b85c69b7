"""Starts that a person gives: parameters, one or many, responsibilities, labels."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import initial

DATA = np.concatenate([np.linspace(-1, 1, 10), np.linspace(3, 7, 10)])
SHARES = np.random.default_rng(0).dirichlet([1.0, 1.0], 20)


@pytest.fixture(scope="module")
def model():
    return jaxem.Model(
        lambda params, z, x: (
            jnp.log(params["weights"][z])
            + dist.Normal(params["loc"][z], params["scale"][z]).log_prob(x)
        ),
        jaxem.Finite(2),
        {
            "weights": jaxem.flat((2,), constraints.simplex),
            "loc": jaxem.flat((2,)),
            "scale": jaxem.flat((2,), constraints.positive),
        },
    )


def start(model, init, **options):
    return jaxem.fit(model, DATA, init=init, max_steps=0, **options).restarts.params


def m_step(responsibilities, weights=None):
    responsibilities = responsibilities if weights is None else responsibilities * weights[:, None]
    counts = responsibilities.sum(0)
    loc = responsibilities.T @ DATA / counts
    scale = np.sqrt((responsibilities * (DATA[:, None] - loc) ** 2).sum(0) / counts)
    return {"weights": counts / counts.sum(), "loc": loc, "scale": scale}


@pytest.mark.parametrize("weights", [None, np.arange(20.0)])
def test_responsibilities_start_at_their_m_step(model, weights):
    found = start(model, initial.from_responsibilities(SHARES), weights=weights)
    for name, value in m_step(SHARES, weights).items():
        np.testing.assert_allclose(found[name][0], value, rtol=1e-10)


def test_labels_are_responsibilities_and_unknown_ones_are_spread(model):
    labels = np.repeat([0, 1], 10)
    found = start(model, initial.from_responsibilities(labels))
    np.testing.assert_allclose(found["loc"][0], [0.0, 5.0], atol=1e-12)
    labels[3] = -1
    expected = m_step(np.where(labels[:, None] < 0, 0.5, labels[:, None] == [0, 1]))
    found = start(model, initial.from_responsibilities(labels))
    np.testing.assert_allclose(found["loc"][0], expected["loc"], rtol=1e-10)


def test_one_start_serves_all_restarts(model):
    given = m_step(SHARES)
    found = start(model, given, restarts=3)
    for name, value in given.items():
        np.testing.assert_array_equal(found[name], np.stack([value] * 3))


def test_a_start_for_each_restart_beside_one_for_all(model):
    given = m_step(SHARES) | {"loc": np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])}
    found = start(model, given, restarts=3)
    np.testing.assert_array_equal(found["loc"], given["loc"])
    np.testing.assert_array_equal(found["scale"][2], given["scale"])


def test_an_initialiser_of_ones_own(model):
    """A function of the setting and of one random generator a restart."""

    def ours(setting, generators):
        base = setting.reference()
        return {
            name: np.stack([value * (1 + 0.1 * rng.random()) for rng in generators])
            for name, value in base.items()
        } | {"weights": np.full((len(generators), setting.states), 0.5)}

    found = start(model, ours, restarts=4)
    assert len(np.unique(found["scale"], axis=0)) == 4


def test_a_fit_goes_on_from_where_another_stopped(model):
    first = jaxem.fit(model, DATA, init=m_step(SHARES), tolerance=0, max_steps=4)
    second = jaxem.fit(model, DATA, init=first.params, tolerance=0, max_steps=3)
    whole = jaxem.fit(model, DATA, init=m_step(SHARES), tolerance=0, max_steps=7)
    np.testing.assert_allclose(second.objective, whole.objective, rtol=1e-12)
    np.testing.assert_allclose(second.trace, whole.trace[4:], rtol=1e-12)
