"""Cells without responsibility and branches not taken, whose densities have no derivative there."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints
from scipy.optimize import minimize
from scipy.stats import gamma, lognorm

import jaxem
from jaxem import Status

POSITIVE = jaxem.flat((), constraints.positive)
UNIT = jaxem.flat((), constraints.unit_interval)
PAIR = jaxem.flat((2,), constraints.simplex)
TINY = float(np.finfo(float).tiny)


def occupancy(y):
    psi = numpyro.sample("psi", dist.Uniform(0.0, 1.0))
    p = numpyro.sample("p", dist.Uniform(0.0, 1.0))
    with numpyro.plate("site", y.shape[0], dim=-2):
        z = numpyro.sample("z", dist.Bernoulli(psi))
        with numpyro.plate("visit", y.shape[1], dim=-1):
            numpyro.sample("y", dist.Bernoulli(z * p), obs=y)


def detections():
    rng = np.random.default_rng(1)
    z = rng.random(150) < 0.6
    return (rng.random((150, 5)) < 0.4 * z[:, None]).astype(int)


def test_a_probability_that_numpyro_clips():
    fit = jaxem.fit(jaxem.from_numpyro(occupancy), detections(), restarts=4)
    assert fit.restarts.status == [Status.CONVERGED] * 4
    np.testing.assert_allclose(fit.log_likelihood, -379.44244, atol=1e-5)
    np.testing.assert_allclose([fit.params["psi"], fit.params["p"]], [0.58881, 0.40987], atol=1e-5)


@pytest.mark.parametrize("floor", [TINY, 1e-30])
def test_a_probability_clipped_by_hand(floor):
    def log_joint(params, z, x):
        q = jnp.clip(z * params["p"], floor, 1.0)
        state = jnp.where(z == 1, jnp.log(params["psi"]), jnp.log1p(-params["psi"]))
        return state + x * jnp.log(q) + (5 - x) * jnp.log1p(-q)

    model = jaxem.Model(log_joint, jaxem.Finite(2), {"psi": UNIT, "p": UNIT})
    fit = jaxem.fit(model, detections().sum(1), init={"psi": 0.5, "p": 0.3})
    assert fit.status == Status.CONVERGED
    np.testing.assert_allclose([fit.params["psi"], fit.params["p"]], [0.58881, 0.40987], atol=1e-5)


def test_a_filler_outside_the_support_in_a_chain():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(300) < 0.4, rng.gamma(2.0, 0.5, 300), rng.gamma(9.0, 1.0, 300))
    seen = rng.random(300) > 0.2

    def log_joint(p, before, z, x):
        chances = p["initial"] if before is None else p["transition"][before]
        density = dist.Gamma(p["shape"][z], p["rate"][z]).log_prob(x["y"])
        return jnp.log(chances[z]) + jnp.where(x["seen"], density, 0.0)

    positive = jaxem.flat((2,), constraints.positive)
    table = jaxem.flat((2, 2), constraints.simplex)
    prior = {"initial": PAIR, "transition": table, "shape": positive, "rate": positive}
    model = jaxem.Model(log_joint, jaxem.Chain(2), prior)
    init = {"initial": [0.5, 0.5], "transition": np.full((2, 2), 0.5)}
    init |= {"shape": [2.0, 5.0], "rate": [2.0, 1.0]}
    for filler in (1.0, 0.0, -1.0):
        data = {"y": np.where(seen, y, filler)[None], "seen": seen[None]}
        fit = jaxem.fit(model, data, init=init)
        assert fit.status == Status.CONVERGED
        np.testing.assert_allclose(fit.log_likelihood, -605.46160421, atol=1e-6)


@pytest.mark.parametrize("positive", ["gamma", "log-normal"])
def test_a_datum_outside_the_support_of_a_state(positive):
    rng = np.random.default_rng(0)
    y = np.concatenate([np.zeros(60), rng.gamma(2.0, 1.5, 140)])
    density = dist.Gamma if positive == "gamma" else lambda a, b: dist.LogNormal(jnp.log(a), b)

    def log_joint(p, z, x):
        inside = jnp.where(x > 0, density(p["a"], p["b"]).log_prob(x), -jnp.inf)
        nothing = jnp.where(x == 0, 0.0, -jnp.inf)
        return jnp.log(p["w"][z]) + jnp.where(z == 0, nothing, inside)

    prior = {"w": PAIR, "a": POSITIVE, "b": POSITIVE}
    fit = jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(2), prior), y, restarts=2)
    seen = y[y > 0]

    def loss(t):
        a, b = np.exp(t)
        law = gamma(a, scale=1 / b) if positive == "gamma" else lognorm(b, scale=a)
        return -law.logpdf(seen).sum()

    right = 60 * np.log(0.3) + 140 * np.log(0.7) - minimize(loss, [0.0, 0.0]).fun
    assert fit.restarts.status == [Status.CONVERGED] * 2
    np.testing.assert_allclose(fit.log_likelihood, right, atol=1e-6)


def test_a_prior_at_a_vertex_stops_no_other_parameter():
    rng = np.random.default_rng(0)
    x = rng.normal(size=100)
    y = rng.poisson(np.exp(1 + 0.5 * x))

    def log_joint(p, z, r):
        excluded = jnp.where(z == 2, -jnp.inf, 0.0)
        rate = jnp.exp(p["a"][z] + p["b"][z] * r["x"])
        return jnp.log(p["w"][z]) + excluded + dist.Poisson(rate).log_prob(r["y"])

    ends = []
    for weights in (jaxem.flat((3,), constraints.simplex), dist.Dirichlet(jnp.ones(3))):
        prior = {"w": weights, "a": jaxem.flat((3,)), "b": jaxem.flat((3,))}
        model = jaxem.Model(log_joint, jaxem.Finite(3), prior)
        fit = jaxem.fit(model, {"x": x, "y": y}, restarts=2)
        assert fit.restarts.status == [Status.CONVERGED] * 2
        ends.append(fit.restarts.log_likelihood)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-6)


def test_a_rule_of_a_person_is_kept():
    rng = np.random.default_rng(8)
    y = rng.poisson(np.where(rng.random(300) < 0.5, 1.0, 7.0))

    @jax.custom_jvp
    def table_log(x):
        return jnp.round(jnp.log(x) * 2**20) / 2**20

    table_log.defjvps(lambda t, out, x: t / x)

    def log_joint(p, z, x):
        density = x * table_log(p["r"][z]) - p["r"][z] - jax.scipy.special.gammaln(x + 1.0)
        return jnp.log(p["w"][z]) + density

    prior = {"w": PAIR, "r": jaxem.flat((2,), constraints.positive)}
    fit = jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(2), prior), y, restarts=2)

    def own(p):
        each = jax.vmap(lambda x: jax.vmap(lambda z: log_joint(p, z, x))(jnp.arange(2)))(y)
        return jax.nn.logsumexp(each, axis=1).sum()

    slope = fit.params["r"] * jax.grad(own)(jax.tree.map(jnp.asarray, fit.params))["r"]
    assert 0 < np.abs(slope).max() <= 1.001 * fit.gradient_norm
    right = jaxem.fit(jaxem.zoo.poisson_mixture(2), y, restarts=2)
    np.testing.assert_allclose(fit.log_likelihood, right.log_likelihood, atol=1e-3)
    np.testing.assert_allclose(np.sort(fit.params["r"]), np.sort(right.params["rate"]), rtol=1e-2)
