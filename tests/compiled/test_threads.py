"""Fits in threads: the answers of one after another."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

import jaxem
from jaxem.model import known

RNG = np.random.default_rng(1)
ROWS = np.concatenate([RNG.normal(0, 1, 40), RNG.normal(4, 1, 40)])


def mixture(density):
    def log_joint(p, z, x):
        return jnp.log(p["weights"][z]) + density(p["loc"][z]).log_prob(x)

    prior = {"weights": jaxem.flat((2,), dist.constraints.simplex), "loc": jaxem.flat((2,))}
    return jaxem.Model(log_joint, jaxem.Finite(2), prior)


def four_models():
    families = (
        lambda loc: dist.Normal(loc, 1.0),
        lambda loc: dist.Laplace(loc, 1.0),
        lambda loc: dist.Logistic(loc, 0.5),
        lambda loc: dist.StudentT(4.0, loc, 1.0),
    )
    return [mixture(family) for family in families]


def in_threads(calls):
    """What each call gives, all of them at once."""
    found, failed = [None] * len(calls), []

    def run(place):
        try:
            with jax.enable_x64(True):  # the flag of a test's thread is not that of another
                found[place] = calls[place]()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    return found


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.status == other.status
        np.testing.assert_allclose(one.objective, other.objective, rtol=1e-12)
        np.testing.assert_allclose(one.params["loc"], other.params["loc"], rtol=1e-9)


def test_four_models_in_four_threads():
    known._remembered.clear()
    found = in_threads([lambda m=m: jaxem.fit(m, ROWS, restarts=3) for m in four_models()])
    assert_equal(found, [jaxem.fit(m, ROWS, restarts=3) for m in four_models()])


def test_one_model_with_two_data_sets():
    model, other = four_models()[0], 3.0 * ROWS[:70] + 1.0
    known._remembered.clear()
    calls = [lambda rows=rows: jaxem.fit(model, rows, restarts=3) for rows in (ROWS, other) * 2]
    found = in_threads(calls)
    fresh = four_models()[0]
    expected = [jaxem.fit(fresh, rows, restarts=3) for rows in (ROWS, other) * 2]
    assert_equal(found, expected)


def test_a_fit_predicts_in_threads():
    fit = jaxem.fit(four_models()[0], ROWS, restarts=3)
    expected = fit.responsibilities(ROWS)
    for found in in_threads([lambda: fit.responsibilities(ROWS)] * 4):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
