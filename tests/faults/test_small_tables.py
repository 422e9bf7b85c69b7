"""One row, equal rows, rows that weigh nothing, states that nothing belongs to."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import Status

from .mixtures import TWO, centres, choices, normals, weights


def test_one_row_and_one_state():
    """Everything is known: the centre is the row."""
    fit = jaxem.fit(centres(1), np.array([3.5]))
    assert fit.converged
    np.testing.assert_allclose(fit.params["loc"], [3.5])
    np.testing.assert_allclose(fit.log_likelihood, -np.log(2 * np.pi) / 2)
    assert np.asarray(fit.predict(np.array([1.0]))).tolist() == [0]


def test_one_row_has_no_scale():
    assert jaxem.fit(normals(1), np.array([3.5])).status == Status.DEGENERATE


def test_fewer_rows_than_states_are_refused_and_as_many_are_not():
    with pytest.raises(jaxem.DeclarationError, match=r"2 rows for 3 latent states.*fewer"):
        jaxem.fit(centres(3), TWO[:2])
    fit = jaxem.fit(centres(3), np.array([0.0, 10.0, 20.0]), restarts=4)
    assert fit.converged
    np.testing.assert_allclose(np.sort(fit.params["loc"]), [0.0, 10.0, 20.0], atol=1e-6)


def test_a_table_of_counts_may_have_fewer_rows_than_states():
    """Four rows that stand for many: what counts is the weight."""
    data = np.array([[0, 0], [1, 1]])
    fit = jaxem.fit(choices(), data, weights=[30.0, 20.0])
    assert fit.converged
    np.testing.assert_allclose(fit.log_likelihood, 30 * np.log(0.6) + 20 * np.log(0.4), rtol=1e-9)
    with pytest.raises(jaxem.DeclarationError, match=r"total weight of 1 for 2 latent states"):
        jaxem.fit(choices(), data, weights=[0.5, 0.5])


def test_every_row_the_same():
    """The classes cannot be told apart, and the fit does not pretend to have found them."""
    fit = jaxem.fit(centres(2), np.full(20, 2.0), restarts=3)
    np.testing.assert_allclose(fit.log_likelihood, -10 * np.log(2 * np.pi), rtol=1e-9)
    assert all(status.usable for status in fit.restarts.status)


def test_a_row_that_weighs_nothing_may_be_impossible():
    """It is not there: neither its density nor its value matters."""
    model = jaxem.Model(
        lambda params, z, x: (
            jnp.log(params["weights"][z]) + dist.Exponential(params["rate"][z]).log_prob(x)
        ),
        latent=jaxem.Finite(2),
        prior={"weights": weights(2), "rate": jaxem.flat((2,), constraints.positive)},
    )
    waits = np.random.default_rng(0).exponential(size=30) * np.repeat([1.0, 9.0], 15)
    start = {"weights": np.array([0.5, 0.5]), "rate": np.array([2.0, 0.2])}
    absent = jaxem.fit(model, waits, init=start)
    for value in (-5.0, 1e300):
        rows, there = np.append(waits, [value] * 2), np.append(np.ones(30), [0.0] * 2)
        fit = jaxem.fit(model, rows, weights=there, init=start)
        assert fit.converged and fit.rows == 30
        np.testing.assert_allclose(fit.objective, absent.objective, rtol=1e-12)
        np.testing.assert_allclose(fit.params["rate"], absent.params["rate"], rtol=1e-7)


def test_a_state_that_nothing_belongs_to_is_kept_and_told():
    start = {"weights": np.array([1.0, 0.0]), "loc": np.array([1.0, 77.0])}
    fit = jaxem.fit(centres(2), TWO, init=start)
    np.testing.assert_allclose(fit.params["weights"], [1.0, 0.0])
    np.testing.assert_allclose(fit.params["loc"], [TWO.mean(), 77.0])
    assert any("state 1 is empty" in note for note in fit.notes)
    assert "state 1 is empty" in fit.summary()
