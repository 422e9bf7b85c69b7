"""Starts that are ordinary for the data, whatever rows and pooled maxima are far away."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import initial
from jaxem.algebra.plan import make_plan
from jaxem.initial.exchange import exchangeable


def setting(model, data):
    count = len(jax.tree.leaves(data)[0])
    return initial.Setting(model, make_plan(model, data, np.ones(count)), data, np.ones(count))


@functools.cache
def poissons():
    return jaxem.Model(
        lambda p, z, x: jnp.log(p["w"][z]) + dist.Poisson(p["rate"][z]).log_prob(x),
        jaxem.Finite(3),
        {
            "w": jaxem.flat((3,), constraints.simplex),
            "rate": jaxem.flat((3,), constraints.positive),
        },
    )


@pytest.mark.parametrize(("far", "right"), [([10**6], -1421.887939), ([10**4] * 3, None)])
def test_a_far_value_does_not_merge_the_others(far, right):
    """Most restarts find both heaps of the ordinary counts, and the far values a state apart."""
    rng = np.random.default_rng(47)
    counts = np.concatenate([rng.poisson(3, 300), rng.poisson(12, 200), far])
    known = {"w": [0.5, 0.4, 0.1], "rate": [3.0, 12.0, float(far[0])]}
    best = jaxem.fit(poissons(), counts, init=known).objective
    fit = jaxem.fit(poissons(), counts, restarts=12)
    np.testing.assert_allclose(fit.objective, best, atol=1e-6)
    assert right is None or abs(best - right) < 1e-5
    assert np.sum(fit.restarts.objective > best - 1e-3) >= 7


@functools.cache
def pairs():
    return jaxem.Model(
        lambda p, z, x: (
            jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], 1.0).log_prob(x["near"]) + 0 * x["far"]
        ),
        jaxem.Finite(2),
        {"w": jaxem.flat((2,), constraints.simplex), "loc": jaxem.flat((2,))},
    )


_rng = np.random.default_rng(3)
FAR = {
    "one": np.where(np.arange(200) == 7, 1e9, _rng.normal(size=200)),
    "several": np.where(np.arange(200) % 20 == 0, -1e7 * np.arange(200), _rng.normal(size=200)),
    "tails": _rng.standard_cauchy(200),
    "constant": np.full(200, 3.7),
    "mostly zero": np.where(np.arange(200) % 40 == 0, 1e5, 0.0),
    "integers": np.where(np.arange(200) == 3, 2**40, _rng.integers(0, 5, 200)),
}


@pytest.mark.parametrize("name", FAR)
def test_another_column_does_not_blind_the_seeds(name):
    """The heaps of one column are found beside any other column, from most seeds."""
    near = np.concatenate([_rng.normal(0, 1, 100), _rng.normal(8e4, 1, 100)])
    data = {"near": near, "far": _rng.permutation(FAR[name])}
    generators = [np.random.default_rng(i) for i in range(30)]
    loc = initial.kmeans_plus_plus(setting(pairs(), data), generators)["loc"]
    assert np.mean(np.abs(loc[:, 0] - loc[:, 1]) > 5e4) > 0.5


def test_a_level_too_rare_for_the_sample_keeps_a_probability():
    """Five rows of 20000 have the last level, and starts are made from 4096."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (20_000, 2))
    x[:5, 0] = 3
    fit = jaxem.fit(jaxem.zoo.latent_classes(2, [4, 3]), x, restarts=3, max_steps=0)
    for values in jax.tree.leaves(fit.restarts.params):
        assert np.all(values > 1e-4)
        np.testing.assert_allclose(values.sum(-1), 1.0)
    assert np.all(np.isfinite(fit.restarts.objective))


@pytest.mark.long
def test_truncated_normals_start_within_the_data():
    """Their pooled maximum is at infinity, and a rough start reaches -3440.624."""
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(1, 1.5, 900), rng.normal(7, 2, 900)])
    x = x[(x > 0) & (x < 10)]

    def log_joint(p, z, v):
        d = dist.Normal(p["loc"][z], p["sd"][z])
        return jnp.log(p["w"][z]) + d.log_prob(v) - jnp.log(d.cdf(10.0) - d.cdf(0.0))

    prior = {
        "w": jaxem.flat((2,), constraints.simplex),
        "loc": jaxem.flat((2,)),
        "sd": jaxem.flat((2,), constraints.positive),
    }
    fit = jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(2), prior), x, restarts=4)
    assert np.all(np.abs(fit.plan.reference["loc"]) < 20)
    assert np.all(fit.plan.reference["sd"] < 20)
    assert np.min(np.abs(fit.restarts.objective + 3440.6243)) < 1e-3


def test_a_pooled_separation_leaves_home_where_data_tell():
    """A logistic whose pooled coefficients are infinite."""
    x = np.linspace(-2, 2, 60)
    data = {"x": x, "y": (x > 0.1) * 1.0}
    model = jaxem.Model(
        lambda p, z, r: dist.Bernoulli(logits=p["a"] + p["b"] * r["x"]).log_prob(r["y"]),
        jaxem.Finite(1),
        {"a": jaxem.flat(), "b": jaxem.flat()},
    )
    reference = setting(model, data).reference()
    assert np.abs(reference["a"]) < 10
    assert 0.5 < reference["b"] < 50


def test_a_hierarchy_starts_with_a_scale_of_the_data():
    """All states alike, the scale of their means would be zero, and nothing would leave it."""
    rng = np.random.default_rng(5)
    x = 1e3 * np.concatenate([rng.normal(0, 1, 30), rng.normal(5, 1, 30)])
    prior = {
        "w": jaxem.flat((2,), constraints.simplex),
        "m": jaxem.flat(),
        "tau": jaxem.flat((), constraints.positive),
        "loc": lambda p: dist.Normal(p["m"], p["tau"]).expand((2,)),
    }
    model = jaxem.Model(
        lambda p, z, v: jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], 1e3).log_prob(v),
        jaxem.Finite(2),
        prior,
    )
    fit = jaxem.fit(model, x, restarts=6)
    assert 50 < fit.plan.reference["tau"] < 5e4
    top = -127.961623 - 62 * np.log(1e3)  # a local maximum: the objective has no bound as tau -> 0
    assert np.sum(np.abs(fit.restarts.objective - top) < 1e-4) >= 4


def test_a_single_state_starts_at_home():
    """Paired comparisons: concave, and flat from where clusters would start it."""
    wins = np.array([[0, 730, 498, 221], [33, 0, 68, 17], [320, 813, 0, 142], [284, 276, 325, 0]])
    i, j = np.nonzero(wins)

    def log_joint(p, z, x):
        s = jnp.concatenate([jnp.zeros(1), p["s"]])
        return s[x["win"]] - jnp.logaddexp(s[x["win"]], s[x["lose"]])

    model = jaxem.Model(log_joint, jaxem.Finite(1), {"s": jaxem.flat((3,))})
    data = {"win": i, "lose": j}
    first = jaxem.fit(model, data, weights=wins[i, j], restarts=2, max_steps=0)
    np.testing.assert_array_equal(first.restarts.params["s"][0], first.plan.reference["s"])
    assert np.any(first.restarts.params["s"][1] != first.plan.reference["s"])
    fit = jaxem.fit(model, data, weights=wins[i, j], restarts=4)
    np.testing.assert_allclose(fit.restarts.objective, -1622.8898088, atol=1e-5)


def test_an_ordered_mean_goes_where_the_data_are():
    x = np.concatenate([_rng.normal(c, 1.0, 50) for c in (1e5, 1e5 + 8)])
    model = jaxem.Model(
        lambda p, z, v: jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], 1.0).log_prob(v),
        jaxem.Finite(2),
        {
            "w": jaxem.flat((2,), constraints.simplex),
            "loc": jaxem.flat((2,), constraints.ordered_vector),
        },
    )
    here = setting(model, x)
    assert not exchangeable(here)
    assert np.all(np.abs(here.reference()["loc"] - 1e5) < 2e3)


STATES = {
    "indexed": (True, lambda p, z, x: jnp.log(p["w"][z]) + dist.Normal(p["m"][z], 1).log_prob(x)),
    "nodes": (
        False,
        lambda p, z, x: (
            jnp.log(p["w"][z]) + dist.Normal(p["m"][0] + jnp.arange(3.0)[z], 1).log_prob(x)
        ),
    ),
    "background": (
        False,
        lambda p, z, x: (
            jnp.log(p["w"][z])
            + jnp.where(
                z == 0, dist.Normal(0.0, 9.0).log_prob(x), dist.Normal(p["m"][z], 1).log_prob(x)
            )
        ),
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_exchangeable_states_are_known_by_permuting_them(name):
    right, log_joint = STATES[name]
    prior = {"w": jaxem.flat((3,), constraints.simplex), "m": jaxem.flat((3,))}
    assert exchangeable(setting(jaxem.Model(log_joint, jaxem.Finite(3), prior), FAR["tails"])) is (
        right
    )


@pytest.mark.parametrize(("prior", "right"), [((1.0, 1.0), True), ((1.0, 2.0), False)])
def test_a_prior_of_each_states_own_tells_them_apart(prior, right):
    model = jaxem.Model(
        STATES["indexed"][1],
        jaxem.Finite(2),
        {"w": dist.Dirichlet(jnp.array(prior)), "m": jaxem.flat((2,))},
    )
    assert exchangeable(setting(model, FAR["tails"])) is right
