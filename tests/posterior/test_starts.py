"""Where chains start, and with which metric: seen without running them."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import biject_to, constraints

import jaxem
import jaxem.posterior

from .problems import HEADS, PAIRS, POINTS, fitted, normal_normal, normal_normal_answer


@pytest.fixture
def recorder(monkeypatch):
    """What NumPyro's sampler was given; it does not run."""
    given: dict[str, Any] = {}

    class Recorder:
        def __init__(self, kernel, **options):
            given.update(options)

        def run(self, key, init_params, extra_fields):
            given.update(starts=init_params)

        def get_samples(self):
            constrain, one = given["postprocess_fn"], given["num_chains"] == 1
            found = constrain(given["starts"]) if one else jax.vmap(constrain)(given["starts"])
            return jax.tree.map(lambda leaf: leaf[None], found) if one else found

        def get_extra_fields(self):
            return {"diverging": np.zeros(1, bool)}

    reference = sys.modules["jaxem.posterior.nuts"]
    monkeypatch.setattr(reference, "MCMC", Recorder)
    monkeypatch.setattr(reference, "NUTS", lambda **options: given.update(options))
    return given


def three_bumps():
    """Three clusters for two components: the middle one may go to either side.

    Five starts: two optima, one of them twice and once with its labels exchanged, and a start
    that stays where it is because its components are alike.
    """
    data = np.concatenate([np.linspace(-1, 1, 9) + c for c in (-6.0, 0.0, 6.8)])
    model = jaxem.Model(
        lambda params, z, x: jnp.log(0.5) + dist.Normal(params["loc"][z], 1.0).log_prob(x),
        jaxem.Finite(2),
        {"loc": dist.Normal(jnp.zeros(2), 20.0)},
    )
    init = {"loc": np.array([[-3.0, 6.8], [-6.0, 3.4], [6.8, -3.0], [-3.1, 6.7], [1.0, 1.0]])}
    return jaxem.fit(model, data, init=init, restarts=5), data


def test_distinct_optima_come_first_then_draws_about_the_best(recorder):
    fit, data = three_bumps()
    best, second = int(fit.restarts.best), 1
    assert {0, 2, 3} >= {best} and fit.restarts.objective[1] < fit.objective - 1
    jaxem.posterior.nuts(fit, data, chains=4, within=50.0)
    starts = np.asarray(recorder["starts"]["loc"])
    assert starts.shape == (4, 2)
    np.testing.assert_allclose(starts[0], fit.params["loc"])
    np.testing.assert_allclose(starts[1], fit.restarts.params["loc"][second])
    metric = np.asarray(recorder["inverse_mass_matrix"])
    away = (starts[2:] - starts[0]) / np.sqrt(np.diag(metric))
    assert 0.01 < np.abs(away).max() < 5
    assert len(np.unique(starts[:, 0])) == 4


def test_an_optimum_far_below_starts_no_chain(recorder):
    fit, data = three_bumps()
    jaxem.posterior.nuts(fit, data, chains=2, within=0.5)
    starts = np.asarray(recorder["starts"]["loc"])
    np.testing.assert_allclose(starts[0], fit.params["loc"])
    assert np.abs(starts[1] - starts[0]).max() < 3


@pytest.mark.parametrize("dense", [True, False])
def test_the_metric_is_the_posterior_covariance_of_a_gaussian(recorder, dense):
    fit = jaxem.fit(normal_normal(), POINTS)
    jaxem.posterior.nuts(fit, POINTS, chains=1, dense=dense)
    _, covariance, _ = normal_normal_answer(np.ones(7))
    expected = covariance if dense else np.diagonal(covariance)
    np.testing.assert_allclose(recorder["inverse_mass_matrix"], expected, rtol=1e-9)
    assert recorder["dense_mass"] is dense


def test_the_metric_has_the_jacobian_and_the_start_has_not(recorder):
    """Of Beta(a, b): the mode is (a - 1) / (a + b - 2), the curvature in logits a b / (a + b)."""
    jaxem.posterior.nuts(fitted("coin"), HEADS, chains=1)
    a, b = 2 + HEADS.sum(), 3 + (1 - HEADS).sum()
    start = float(recorder["starts"]["coin.heads"])
    np.testing.assert_allclose(start, np.log((a - 1) / (b - 1)), rtol=1e-9)
    np.testing.assert_allclose(recorder["inverse_mass_matrix"], [[(a + b) / (a * b)]], rtol=1e-9)


def test_a_start_on_the_boundary_is_moved_inside_as_by_one_row(recorder):
    """A category that never occurs; the others hardly move."""
    model = jaxem.Model(
        lambda params, z, x: jnp.log(params["share"][x]),
        jaxem.Finite(1),
        {"share": jaxem.flat((3,), constraints.simplex)},
    )
    data = np.repeat([0, 1], [150, 50])
    fit = jaxem.fit(model, data)
    assert fit.params["share"][2] == 0
    with pytest.warns(UserWarning, match=r"'share' on the boundary") as told:
        jaxem.posterior.nuts(fit, data, chains=1)
    assert len(told) == 1  # flat on a simplex is a proper prior
    start = biject_to(constraints.simplex)(recorder["starts"]["share"])
    np.testing.assert_allclose(start.sum(), 1)
    assert 1e-4 < start[2] < 1e-2
    np.testing.assert_allclose(start[:2], [0.75, 0.25], atol=1e-2)


def test_flat_priors_on_unbounded_sets_are_warned_of(recorder):
    model = jaxem.Model(
        lambda params, z, x: (
            jnp.log(params["weights"][z]) + dist.Normal(params["loc"][z], 1.0).log_prob(x)
        ),
        jaxem.Finite(2),
        {"weights": jaxem.flat((2,), constraints.simplex), "loc": jaxem.flat((2,))},
    )
    fit = jaxem.fit(model, PAIRS, restarts=2)
    with pytest.warns(UserWarning, match=r"the prior of 'loc' is flat on an unbounded set"):
        jaxem.posterior.nuts(fit, PAIRS, chains=1)
