"""Newton's method where nothing is closed: safe from far away, exact when near."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints
from scipy import optimize, special

import jaxem

_rng = np.random.default_rng(0)
X = _rng.gamma(3.0, 2.0, 80)


def one(log_density, data, **prior):
    """A model with a single state: its M-step is the maximum likelihood estimate itself."""

    def log_joint(params, z, x):
        return jnp.log(params["weights"][z]) + log_density(params, x)

    weights = jaxem.flat((1,), constraints.simplex)
    return jaxem.Model(log_joint, jaxem.Finite(1), {"weights": weights, **prior}), data


def positive():
    return jaxem.flat((), constraints.positive)


@pytest.mark.parametrize(("shape", "rate"), [(1.0, 1.0), (300.0, 0.01), (1e-3, 50.0)])
def test_the_gamma_shape_from_near_and_far(shape, rate):
    """The root of log a - digamma(a) = log mean - mean log (Choi and Wette 1969)."""
    gap = np.log(X.mean()) - np.log(X).mean()
    truth = optimize.brentq(lambda a: np.log(a) - special.digamma(a) - gap, 1e-3, 1e3)
    model, data = gamma()
    fit = jaxem.fit(model, data, init={"shape": shape, "rate": rate})
    assert fit.converged and fit.steps <= 8
    np.testing.assert_allclose(fit.params["shape"], truth, rtol=1e-6)
    np.testing.assert_allclose(fit.params["rate"], truth / X.mean(), rtol=1e-6)


@functools.cache
def gamma():
    return one(
        lambda p, x: dist.Gamma(p["shape"], p["rate"]).log_prob(x),
        X,
        shape=positive(),
        rate=positive(),
    )


def test_logistic_regression_in_one_m_step():
    """Against scipy, on the penalised likelihood that makes the answer finite."""
    design = np.column_stack([np.ones(80), _rng.normal(size=(80, 2))])
    yes = (_rng.random(80) < special.expit(design @ [0.3, 1.5, -1.0])) * 1
    model, data = one(
        lambda p, row: dist.Bernoulli(logits=row["u"] @ p["slopes"]).log_prob(row["yes"]),
        {"u": design, "yes": yes},
        slopes=dist.Normal(0.0, 2.0).expand([3]),
    )

    def loss(b):
        u = design @ b
        return np.logaddexp(0, u).sum() - yes @ u + b @ b / 8

    truth = optimize.minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
    fit = jaxem.fit(model, data, init={"slopes": np.array([-4.0, 4.0, 4.0])})
    assert fit.converged and fit.steps <= 6
    np.testing.assert_allclose(fit.params["slopes"], truth, rtol=1e-5, atol=1e-6)


def test_the_mode_on_a_kink_is_found():
    """A Laplace prior that is stronger than the data holds the centre at its own."""
    model, data = one(
        lambda p, x: dist.Normal(p["loc"], 1.0).log_prob(x),
        np.array([0.2, -0.1, 0.3]),
        loc=dist.Laplace(0.0, 0.05),
    )
    fit = jaxem.fit(model, data, init={"loc": 1.0})
    assert fit.converged and fit.gradient_norm == 0
    assert fit.params["loc"] == 0
