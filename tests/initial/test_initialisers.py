"""Starts: inside every support, no two states alike, and another one for another key."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import initial
from jaxem.algebra.plan import make_plan

_rng = np.random.default_rng(0)
ROWS = {
    "x": np.concatenate([_rng.normal(c, 1.0, size=(30, 2)) for c in ([0, 0], [6, 1])]) + 100.0,
    "kind": _rng.integers(0, 3, 60),
    "time": _rng.gamma(2.0, 1e-6, 60),
}


@functools.cache
def records() -> jaxem.Model:
    """Mixed records: every support at once, and a parameter that is fixed."""

    def log_joint(params, z, row):
        return (
            dist.Categorical(params["weights"]).log_prob(z)
            + dist.MultivariateNormal(params["loc"][z], params["cov"][z]).log_prob(row["x"])
            + jnp.log(params["kind"][z, row["kind"]])
            + dist.Gamma(params["shape"], params["rate"][z]).log_prob(row["time"])
            + dist.Bernoulli(params["first"][z]).log_prob(row["kind"] == 0)
        )

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(3),
        prior={
            "weights": dist.Dirichlet(jnp.full(3, 2.0)),
            "loc": jaxem.flat((3, 2)),
            "cov": jaxem.flat((3, 2, 2), constraints.positive_definite),
            "kind": jaxem.flat((3, 3), constraints.simplex),
            "rate": lambda params: dist.Gamma(2.0, params["first"] * 1e-6),
            "shape": dist.Delta(2.0),
            "first": dist.Beta(2.0, 2.0).expand([3]),
        },
    )


def setting(model, data, weights=None):
    weights = np.ones(60) if weights is None else weights
    return initial.Setting(model, make_plan(model, data, weights), data, weights)


INITIALISERS = {
    "kmeans_plus_plus": initial.kmeans_plus_plus,
    "random_rows": initial.random_rows,
    "random_responsibilities": initial.random_responsibilities,
    "prior_draws": initial.prior_draws,
}


@functools.cache
def starts(name, seed=0, restarts=3):
    """Starts by parameter, stacked over restarts, as an initialiser makes them."""
    generators = [np.random.default_rng([seed, i]) for i in range(restarts)]
    return INITIALISERS[name](setting(records(), ROWS), generators)


@pytest.mark.parametrize("name", INITIALISERS)
def test_every_start_is_inside_its_support(name):
    for p in records().free:
        value = starts(name)[p.name]
        assert value.shape == (3, *p.shape)
        assert np.all(np.isfinite(value))
        assert np.all(p.constraint(jnp.asarray(value))), p.name


@pytest.mark.parametrize("name", INITIALISERS)
def test_no_two_states_are_alike_and_no_two_starts(name):
    for parameter in ("loc", "kind", "rate"):
        value = starts(name)[parameter]
        for axis in (0, 1):
            flat = np.moveaxis(value, axis, 0).reshape(3, -1)
            assert len(np.unique(flat, axis=0)) == 3, (parameter, axis)


@pytest.mark.parametrize("name", INITIALISERS)
def test_the_generators_decide(name):
    again, other = starts.__wrapped__(name), starts(name, seed=1)
    np.testing.assert_array_equal(again["loc"], starts(name)["loc"])
    assert not np.any(other["loc"] == starts(name)["loc"])


def test_seeds_find_heaps_that_are_far_apart():
    """Of two heaps each gets a seed, nearly always; of random rows only half of the time."""
    data = np.concatenate([_rng.normal(0, 1, 30), _rng.normal(1e4, 1, 30)])
    generators = [np.random.default_rng(i) for i in range(40)]

    def share(init):
        loc = init(setting(pairs(), data), generators)["loc"]
        return np.mean(np.abs(loc[:, 0] - loc[:, 1]) > 8e3)

    assert share(initial.kmeans_plus_plus) > 0.95
    assert share(initial.random_rows) < 0.8


@pytest.mark.parametrize("name", INITIALISERS)
def test_rows_of_weight_zero_are_not_there(name):
    """The second half is far away, and weighs nothing."""
    data, weights = np.arange(60.0) + 1e6 * (np.arange(60) >= 30), (np.arange(60) < 30) * 1.0
    generators = [np.random.default_rng(i) for i in range(3)]
    loc = INITIALISERS[name](setting(pairs(), data, weights), generators)["loc"]
    assert np.all(np.abs(loc) < 1e4)


@functools.cache
def pairs():
    return jaxem.Model(
        lambda p, z, x: jnp.log(p["weights"][z]) + dist.Normal(p["loc"][z], 1.0).log_prob(x),
        jaxem.Finite(2),
        {"weights": jaxem.flat((2,), constraints.simplex), "loc": jaxem.flat((2,))},
    )


def test_impossible_states_get_no_share():
    """Known labels: a start may not spread a row over states that the model forbids."""
    model = jaxem.Model(
        lambda params, z, row: jnp.where(
            (row["label"] < 0) | (row["label"] == z),
            jnp.log(params["weights"][z]) + dist.Normal(params["loc"][z], 1.0).log_prob(row["x"]),
            -jnp.inf,
        ),
        jaxem.Finite(2),
        {"weights": jaxem.flat((2,), constraints.simplex), "loc": jaxem.flat((2,))},
    )
    data = {"x": np.arange(60.0), "label": np.repeat([0, 1], 30)}
    found = initial.kmeans_plus_plus(setting(model, data), [np.random.default_rng(0)])
    np.testing.assert_allclose(found["loc"], [[14.5, 44.5]])
