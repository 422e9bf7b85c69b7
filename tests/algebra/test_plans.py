"""A plan is made once, holds for other rows of the same shape, and costs Python one trace."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem.algebra.plan import make_plan

_rng = np.random.default_rng(0)
WAITS = np.concatenate([_rng.gamma(2.0, 0.5, 30), _rng.gamma(9.0, 1.0, 30)])


def gammas():
    """Newton's method on shapes and rates: it starts from what the plan knows of the data."""

    def log_joint(params, z, x):
        density = dist.Gamma(params["shape"][z], params["rate"][z]).log_prob(x)
        return jnp.log(params["weights"][z]) + density

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": jaxem.flat((2,), constraints.simplex),
            "shape": jaxem.flat((2,), constraints.positive),
            "rate": jaxem.flat((2,), constraints.positive),
        },
    )


@pytest.fixture(scope="module")
def model():
    return gammas()


@pytest.fixture(scope="module")
def fitted(model):
    return jaxem.fit(model, WAITS)


def test_the_log_joint_is_run_by_python_once(model, fitted):
    assert model.traces == 1
    jaxem.fit(model, WAITS[::-1].copy(), key=3, max_steps=7, tolerance=1e-4)
    jaxem.explain(model, WAITS)
    fitted.responsibilities(WAITS)
    assert model.traces == 1


def test_the_same_programs_for_the_same_shapes(model, fitted):
    again = jaxem.fit(model, WAITS + 0.1)
    assert again.plan.programs is fitted.plan.programs and len(model.known) == 1
    assert again.plan.strengths is not fitted.plan.strengths  # its proofs are its own


def positive_counts(zeros):
    """Poisson counts with a row of zeros among them, or none."""
    rng = np.random.default_rng(5)
    low, high = rng.poisson(2.0, 60) + 1, rng.poisson(15.0, 40) + 1
    return np.concatenate([np.where(np.arange(60) < zeros, 0, low), high])


def test_proofs_are_run_on_every_data_set():
    """Without a zero the inflation is a Bernoulli of nothing; with zeros it has no closed form."""

    def log_joint(p, z, x):
        rate = p["rate"][z]
        zero = jnp.log(p["extra"] + (1 - p["extra"]) * jnp.exp(-rate))
        count = jnp.log1p(-p["extra"]) - rate + x * jnp.log(rate)
        return jnp.log(p["w"][z]) + jnp.where(x == 0, zero, count)

    prior = {
        "w": jaxem.flat((2,), constraints.simplex),
        "rate": jaxem.flat((2,), constraints.positive),
        "extra": jaxem.flat((), constraints.unit_interval),
    }
    model, data = jaxem.Model(log_joint, jaxem.Finite(2), prior), positive_counts(30)
    first = make_plan(model, positive_counts(0), np.ones(100))
    second = make_plan(model, data, np.ones(100))
    fresh = make_plan(jaxem.Model(log_joint, jaxem.Finite(2), prior), data, np.ones(100))
    assert second.solvers == fresh.solvers and second.members == fresh.members
    assert second.solvers != first.solvers and second.programs is not first.programs
    assert make_plan(model, data, np.ones(100)) is second


def test_other_options_compile_nothing(model, fitted):
    sizes = {key: program.forms for key, program in fitted.plan.programs.items()}
    jaxem.fit(model, WAITS, tolerance=1e-3, max_steps=3, key=jax.random.key(7), weights=np.ones(60))
    assert {key: p.forms for key, p in fitted.plan.programs.items()} == sizes


def test_other_rows_of_the_same_shape_get_the_answer_of_a_fresh_model(model, fitted):
    """A thousand times longer waits, fitted by a plan that was made on the short ones."""
    again, fresh = (jaxem.fit(m, 1000.0 * WAITS) for m in (model, gammas()))
    for name in ("weights", "shape"):
        np.testing.assert_allclose(
            np.sort(again.params[name]), np.sort(fresh.params[name]), rtol=1e-3
        )
        np.testing.assert_allclose(
            np.sort(again.params[name]), np.sort(fitted.params[name]), rtol=1e-3
        )
    np.testing.assert_allclose(again.objective, fitted.objective - 60 * np.log(1000.0), rtol=1e-7)


@pytest.mark.long
def test_a_gaussian_of_many_columns_is_solved_in_closed_form():
    """More rows than usual are planned on, and means of more than 64 numbers are least squares."""
    rows = _rng.normal(size=(400, 80))
    plan = make_plan(jaxem.zoo.gaussian_mixture(2, 80), rows, np.ones(400))
    assert plan.exact
    assert plan.members["loc"].quadratic and plan.members["loc"].size == 80
