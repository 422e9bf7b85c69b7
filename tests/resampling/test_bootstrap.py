"""The bootstrap against theory, against single fits, and against formulas by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints
from scipy.stats import norm

import jaxem
from jaxem.algebra.plan import make_plan
from jaxem.algorithm import EM
from jaxem.data.own import every_row
from jaxem.initial import Setting
from jaxem.numerics.rows import row_count
from jaxem.optimise.replicates import refit

pytestmark = pytest.mark.long

MODEL = jaxem.zoo.gaussian_mixture(2, 1, "spherical")
ROWS = np.random.default_rng(0).normal(size=(5000, 1))
ROWS[:2000] = 3 + 0.7 * ROWS[:2000]
START = {"weights": [0.5, 0.5], "loc": [[0.0], [3.0]], "variance": [1.0, 1.0]}
COUNTS = np.random.default_rng(1).poisson(2.5, 40)


@pytest.fixture(scope="module")
def fit():
    return jaxem.fit(MODEL, ROWS, init=START)


@pytest.fixture(scope="module")
def poisson():
    def log_joint(params, z, x):
        return dist.Poisson(params["rate"]).log_prob(x)

    prior = {"rate": jaxem.flat((), constraints.positive)}
    return jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(1), prior), COUNTS)


def draw_count(params, key, x):
    return jax.random.poisson(key, params["rate"])


@pytest.fixture(scope="module")
def boot(fit):
    return jaxem.bootstrap(fit, ROWS, replicates=400)


def test_standard_errors_are_near_those_of_the_information(fit, boot):
    information = fit.errors(ROWS).se
    assert len(boot) == 400 and boot.failed == 0
    for name, se in information.items():
        np.testing.assert_allclose(boot.se[name], se, rtol=0.15, err_msg=name)  # 4 sd of the ratio


def test_a_replicate_is_the_fit_with_its_weights():
    rows = ROWS[::50]
    weights = np.random.default_rng(2).multinomial(100, np.full(100, 0.01), size=3).astype(float)
    start = {name: np.asarray(leaf, float) for name, leaf in START.items()}
    starts = {name: np.broadcast_to(leaf, (3, 1, *leaf.shape)) for name, leaf in start.items()}
    plan = make_plan(MODEL, rows, np.ones(100))
    fit_data = every_row(Setting(MODEL, plan, rows, np.ones(row_count(rows))), EM())
    together = refit(MODEL, plan, EM(), fit_data, starts, weights, tolerance=1e-10)
    for k in range(3):
        alone = jaxem.fit(MODEL, rows, init=START, weights=weights[k])
        assert together.objective[k, 0] == pytest.approx(alone.objective, abs=1e-7)
        for name, leaf in alone.params.items():
            np.testing.assert_allclose(together.values[name][k, 0], leaf, rtol=1e-4, atol=1e-4)


def test_labels_stay_where_they_were(boot):
    means = np.asarray(boot.params["loc"])[:, :, 0]
    assert (means[:, 0] < 1).all() and (means[:, 1] > 2).all()


def test_a_quantity_and_bca_by_hand(poisson):
    boot = jaxem.bootstrap(poisson, COUNTS, replicates=500, of=lambda p: jnp.exp(-p["rate"]))
    draws, estimate = np.asarray(boot.draws), np.exp(-COUNTS.mean())
    assert boot.estimate == pytest.approx(estimate, rel=1e-6)
    u = COUNTS - COUNTS.mean()
    acceleration = -(u**3).sum() / (6 * (u**2).sum() ** 1.5)  # the quantity falls with the rate
    bias = norm.ppf((draws < boot.estimate).mean() + (draws == boot.estimate).mean() / 2)
    sides = bias + np.array([-1, 1]) * norm.ppf(0.95)
    levels = norm.cdf(bias + sides / (1 - acceleration * sides))
    interval = boot.interval(0.9, "bca")
    np.testing.assert_allclose([interval.lower, interval.upper], np.quantile(draws, levels))
    plain = boot.interval(0.9)
    np.testing.assert_allclose([plain.lower, plain.upper], np.quantile(draws, [0.05, 0.95]))


def test_the_parametric_bootstrap_has_the_variance_of_the_model(poisson):
    boot = jaxem.bootstrap(
        poisson, COUNTS, replicates=800, parametric=True, sampler=draw_count, key=1
    )
    assert boot.parametric and "parametric" in str(boot)
    expected = np.sqrt(COUNTS.mean() / len(COUNTS))
    assert boot.se["rate"] == pytest.approx(expected, rel=0.1)
    totals = boot.draws["rate"] * len(COUNTS)
    np.testing.assert_allclose(totals, np.round(totals), atol=1e-3)  # means of new counts


def test_weights_are_counts(poisson):
    values, weights = np.unique(COUNTS, return_counts=True)
    model = poisson.model
    merged = jaxem.fit(model, values, weights=weights)
    boot = jaxem.bootstrap(merged, values, weights=weights, replicates=800)
    expected = COUNTS.std() / np.sqrt(len(COUNTS))
    assert boot.se["rate"] == pytest.approx(expected, rel=0.1)


def test_whole_sequences_are_drawn():
    def log_joint(params, z_prev, z, x):
        same = 0.5 if z_prev is None else jnp.where(z_prev == z, 0.8, 0.2)
        return jnp.log(same) + dist.Normal(params["loc"][z], 1.0).log_prob(x)

    model = jaxem.Model(log_joint, jaxem.Chain(2), {"loc": jaxem.flat((2,))})
    rng = np.random.default_rng(5)
    parts = [rng.normal(size=n) + 4 * (np.arange(n) % 7 > 3) for n in (5, 9, 7, 8, 6, 9)]
    data, lengths = jaxem.sequences(parts)
    fit = jaxem.fit(model, data, lengths=lengths, init={"loc": [0.0, 4.0]})
    boot = jaxem.bootstrap(fit, data, lengths=lengths, replicates=30)
    alone = jaxem.fit(model, data[:1], lengths=lengths[:1], init=fit.params)
    assert (boot.se["loc"] > 0.05).all() and boot.failed == 0
    with pytest.raises(jaxem.DeclarationError, match="there is but one"):
        jaxem.bootstrap(alone, data[:1], lengths=lengths[:1])


def test_replicates_that_did_not_converge_are_told(fit):
    boot = jaxem.bootstrap(fit, ROWS, replicates=12, max_steps=1)
    assert boot.status.count(jaxem.Status.STEP_LIMIT) == len(boot) == 12
    assert "12 of 12 replicates, kept: stopped at the step limit" in str(boot)


def test_a_race_in_every_replicate_finds_what_all_its_starts_find():
    rows, weights = ROWS[::50], np.random.default_rng(3).multinomial(100, np.full(100, 0.01), 2)
    plan = make_plan(MODEL, rows, np.ones(100))
    fit_data = every_row(Setting(MODEL, plan, rows, np.ones(row_count(rows))), EM())
    locs = np.array([[0.0, 3.0], [3.0, 0.1], [-1.0, 4.0], [0.5, 0.6], [2.9, 3.0]])[..., None]
    starts = {
        "weights": np.full((2, 5, 2), 0.5),
        "loc": np.broadcast_to(locs, (2, 5, 2, 1)),
        "variance": np.ones((2, 5, 2)),
    }
    whole = refit(MODEL, plan, EM(), fit_data, starts, weights.astype(float))
    race = jaxem.Race(5, keep=2, after=4)
    raced = refit(MODEL, plan, EM(), fit_data, starts, weights.astype(float), race=race)
    assert ((raced.status == jaxem.Status.DROPPED).sum(1) == 3).all()
    assert raced.steps.sum() < whole.steps.sum()
    np.testing.assert_allclose(raced.best().objective, whole.best().objective, atol=1e-6)


def draw_series(params, key, x):
    start, *keys = jax.random.split(key, 1 + len(x))

    def step(z, key):
        move, show = jax.random.split(key)
        after = jax.random.categorical(move, jnp.log(params["transition"][z]))
        return after, jax.random.poisson(show, params["rate"][z])

    first = jax.random.categorical(start, jnp.log(params["initial"]))
    return jax.lax.scan(step, first, jnp.stack(keys))[1]


@pytest.fixture(scope="module")
def series():
    """Twenty sequences of a two-state chain of counts, and its fit."""
    model, lengths = jaxem.zoo.poisson_chain(2), np.random.default_rng(0).integers(20, 61, 20)
    truth = {
        "initial": jnp.array([0.6, 0.4]),
        "transition": jnp.array([[0.85, 0.15], [0.25, 0.75]]),
        "rate": jnp.array([1.5, 7.0]),
    }
    keys = jax.random.split(jax.random.key(2), len(lengths))
    empty = jnp.zeros(lengths.max(), int)
    data = np.asarray(jax.jit(jax.vmap(lambda k: draw_series(truth, k, empty)))(keys))
    init = {name: np.asarray(leaf) for name, leaf in truth.items()}
    return jaxem.fit(model, data, lengths=lengths, init=init), data, lengths


def test_the_parametric_bootstrap_of_sequences_has_the_errors_of_the_information(series):
    """The information by differences of the log likelihood, second order, step 1e-3."""
    fit, data, lengths = series
    p = fit.params
    at = np.array([p["initial"][1], *p["transition"][:, 1], *p["rate"]])

    def of(u):
        pair = jnp.stack([1 - u[:3], u[:3]], -1)
        return {"initial": pair[0], "transition": pair[1:], "rate": u[3:]}

    value = jax.jit(lambda u: fit.model.log_likelihood(of(u), data, lengths=lengths))
    step = 1e-3 * np.eye(5)
    hessian = np.array(
        [
            [
                value(at + a + b) - value(at + a - b) - value(at - a + b) + value(at - a - b)
                for a in step
            ]
            for b in step
        ]
    )
    information = np.sqrt(np.diag(np.linalg.inv(-hessian / 4e-6)))
    boot = jaxem.bootstrap(
        fit,
        data,
        lengths=lengths,
        parametric=True,
        sampler=draw_series,
        replicates=400,
        of=lambda p: jnp.stack([p["initial"][1], *p["transition"][:, 1], *p["rate"]]),
    )
    assert boot.status.count(jaxem.Status.CONVERGED) == len(boot) == 400
    # The standard deviation of 400 draws is off by 3.5 %; 4 of these, and the higher orders.
    np.testing.assert_allclose(boot.se, information, rtol=0.2)
    assert (np.abs(boot.bias) < 4 * information / np.sqrt(400) + 0.1 * information).all()


def test_the_ratio_test_of_sequences_sees_two_states(series):
    larger, data, lengths = series
    smaller = jaxem.fit(jaxem.zoo.poisson_chain(1), data, lengths=lengths)

    def draw(params, key, x):
        return jax.random.poisson(key, params["rate"][0], x.shape)

    found = jaxem.likelihood_ratio_test(
        smaller, larger, data, draw, replicates=9, restarts=2, max_steps=150, lengths=lengths
    )
    assert found.p_value == 0.1 and (found.null > -1e-3).all()
    assert found.statistic > 10 * found.null.max()


def test_a_program_draws_its_own_replicates():
    def program(x):
        loc = numpyro.param("loc", jnp.array([0.0, 1.0]))
        with numpyro.plate("data", len(x)):
            z = numpyro.sample("z", dist.Bernoulli(0.4))
            numpyro.sample("x", dist.Normal(loc[z], 1.0), obs=x)

    rows = np.concatenate([np.linspace(-2, 2, 30), np.linspace(18, 22, 20)])
    fit = jaxem.fit(jaxem.from_numpyro(program), rows, init={"loc": [0.0, 20.0]})
    boot = jaxem.bootstrap(fit, rows, parametric=True, replicates=400)
    counted = np.array([30, 20])  # far apart, so that each mean is one of so many rows
    np.testing.assert_allclose(boot.se["loc"], 1 / np.sqrt(counted), rtol=0.15)
    with pytest.raises(jaxem.DeclarationError, match="leave the sampler out"):
        jaxem.bootstrap(fit, rows, parametric=True, sampler=draw_count)
    twice = np.full(50, 2)
    with pytest.raises(jaxem.DeclarationError, match="the weights that were fitted"):
        jaxem.bootstrap(fit, rows, parametric=True, weights=twice)
    fit = jaxem.fit(fit.model, rows, init=fit.params, weights=twice)
    with pytest.raises(jaxem.DeclarationError, match="some weights are not 1"):
        jaxem.bootstrap(fit, rows, parametric=True, weights=twice)


def test_the_ratio_test_tells_two_groups_from_one():
    model = {k: jaxem.zoo.gaussian_mixture(k, 1, "tied") for k in (1, 2)}
    rows = ROWS[::100]
    fits = {k: jaxem.fit(m, rows, restarts=4) for k, m in model.items()}

    def draw(params, key, x):
        return params["loc"][0] + jnp.sqrt(params["cov"][0]) * jax.random.normal(key, (1,))

    found = jaxem.likelihood_ratio_test(
        fits[1], fits[2], rows, draw, replicates=19, restarts=2, max_steps=200
    )
    assert found.statistic == pytest.approx(2 * (fits[2].objective - fits[1].objective))
    assert (found.null > -1e-3).all() and len(found.null) + found.failed == 19
    larger = (found.null >= found.statistic).sum()
    assert found.p_value == (1 + larger) / (1 + len(found.null))
    assert found.p_value <= 0.1


def test_mistakes_are_told(poisson):
    with pytest.raises(jaxem.DeclarationError, match="at least 2"):
        jaxem.bootstrap(poisson, COUNTS, replicates=1)
    with pytest.raises(jaxem.DeclarationError, match="not how to draw them"):
        jaxem.bootstrap(poisson, COUNTS, parametric=True)
    with pytest.raises(jaxem.DeclarationError, match='"percentile" or "bca"'):
        jaxem.bootstrap(poisson, COUNTS).interval(kind="basic")
