"""Drawn responsibilities are right on average, and a warm-up is never said to have converged."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem.algebra.plan import make_plan
from jaxem.data.fit_data import find_fit_data
from jaxem.estep import Exact
from jaxem.estep.warming import DrawnStates
from jaxem.initial import Setting
from tests.algorithm.warm_ups import CLOSE, best, centres, fit, log_likelihood, small_links
from tests.chains.variants import plain

START = {"loc": np.array([-3.0, 0.0, 3.0])}
KEYS = 500


@pytest.mark.long
def test_the_mean_of_many_draws_is_the_exact_statistic():
    """Weighted and merged rows included: the variance is that of independent rows."""
    data = np.tile(np.round(CLOSE, 1), 2)
    weights = np.arange(len(data)) % 4.0
    model = centres()
    plan = make_plan(model, data, weights)
    fit_data = find_fit_data(Setting(model, plan, data, weights), jaxem.EM(), 1)
    assert len(fit_data.weights) < (weights > 0).sum() and fit_data.first == "product"
    at = {"loc": jnp.array([-2.0, 0.5, 2.0])}
    keys = jax.random.split(jax.random.key(0), KEYS)
    table = np.asarray(jax.vmap(lambda x: model.table(at, x))(jnp.asarray(data[:, None]))[:, 0])
    responsibilities = np.exp(table - np.logaddexp.reduce(table, axis=1)[:, None])
    for path in ("product", "direct"):
        source = fit_data.source(path, 3, 1)

        @jax.jit
        def counts(key, source=source):
            evidence, counts, q = source.expect(model, DrawnStates(key, 2), at)
            return evidence, counts, jax.grad(lambda loc: q({"loc": loc}))(at["loc"])

        evidence, drawn, slope = map(np.asarray, jax.lax.map(counts, keys, batch_size=500))
        exact, _, q = source.expect(model, Exact(), at)
        np.testing.assert_allclose(evidence, exact, rtol=1e-12)
        np.testing.assert_allclose(drawn.sum(1), weights.sum(), rtol=1e-9)
        variance = (weights[:, None] * responsibilities * (1 - responsibilities)).sum(0) / 2
        error = drawn.mean(0) - (weights[:, None] * responsibilities).sum(0)
        assert np.all(np.abs(error) < 5 * np.sqrt(variance / KEYS))
        np.testing.assert_allclose(drawn.var(0), variance, rtol=0.25)
        there = np.asarray(jax.grad(lambda loc, q=q: q({"loc": loc}))(at["loc"]))
        assert np.all(np.abs(slope.mean(0) - there) < 5 * slope.std(0) / np.sqrt(KEYS))


@pytest.mark.parametrize("kind", [pytest.param("dense", marks=pytest.mark.long), "split"])
def test_whole_paths_are_drawn(kind):
    latent, links = jaxem.Chain(2), small_links(kind)
    evidence, drawn = jax.jit(DrawnStates(jax.random.key(0), 8 * KEYS).posterior, static_argnums=0)(
        latent, links
    )
    exact, responsibilities = latent.posterior(links)
    np.testing.assert_allclose(evidence, exact, rtol=1e-12)
    for a, b in zip(jax.tree.leaves(drawn), jax.tree.leaves(responsibilities), strict=True):
        np.testing.assert_allclose(a, b, atol=5 * 1.5 / np.sqrt(8 * KEYS))


@pytest.fixture(scope="module")
def sampled():
    return fit(CLOSE, init=START, key=3, algorithm=jaxem.Stochastic(400))


def test_what_is_returned_is_the_best_visited(sampled):
    assert sampled.status == jaxem.Status.SAMPLED and not sampled.converged
    assert sampled.steps == sampled.warm_up_steps == 400 and len(sampled.trace) == 401
    assert sampled.objective == pytest.approx(sampled.trace.max(), abs=1e-9)
    assert sampled.objective == pytest.approx(
        log_likelihood(CLOSE, sampled.params["loc"]), abs=1e-9
    )
    assert np.diff(sampled.trace).min() < -0.01 and np.diff(sampled.trace).max() > 0.01
    assert sampled.objective < best(CLOSE).objective
    assert "stochastic steps" in sampled.summary()


def test_the_key_decides(sampled):
    again = fit(CLOSE, init=START, key=3, algorithm=jaxem.Stochastic(400))
    other = fit(CLOSE, init=START, key=4, algorithm=jaxem.Stochastic(400))
    np.testing.assert_array_equal(again.trace, sampled.trace)
    one, two = sampled.restarts.traces
    assert not np.allclose(one[1:], two[1:]) and not np.allclose(other.trace, sampled.trace)


def test_the_stationary_mean_is_near_the_maximum():
    mean = fit(CLOSE, init=START, key=3, algorithm=jaxem.Stochastic(400, answer="mean"))
    assert mean.status == jaxem.Status.SAMPLED
    error = 1 / np.sqrt(30)
    loc = mean.restarts.params["loc"]
    assert np.abs(loc - best(CLOSE).params["loc"]).max() < 0.2 * error
    assert mean.trace[-1] == mean.objective > mean.trace[200:-1].mean()


def test_many_draws_follow_em():
    near = {"loc": np.array([-0.5, 0.0, 0.5])}
    many = fit(CLOSE, init=near, algorithm=jaxem.Stochastic(6, draws=100_000))
    em = fit(CLOSE, init=near, tolerance=0, max_steps=5)
    np.testing.assert_allclose(many.trace[:6], em.trace, atol=0.1)
    assert em.trace[5] - em.trace[0] > 10


def test_polished_by_em():
    way = jaxem.Stochastic(400, polish=True)
    polished = fit(CLOSE, init=START, key=3, algorithm=way)
    assert polished.converged and polished.warm_up_steps == 400
    assert polished.objective == pytest.approx(best(CLOSE).objective, abs=1e-8)
    assert np.diff(polished.trace[400:]).min() > -1e-9


def test_time_steps_and_interruption_are_told():
    short = fit(CLOSE, init=START, algorithm=jaxem.Stochastic(10**6), max_steps=3)
    assert short.status == jaxem.Status.STEP_LIMIT and short.steps == 3
    slow = fit(
        CLOSE, init=START, algorithm=jaxem.Stochastic(10**6), max_steps=10**6, time_limit=0.05
    )
    assert slow.status == jaxem.Status.TIME_LIMIT and slow.steps < 10**6

    def stop(report):
        raise KeyboardInterrupt

    interrupted = fit(CLOSE, init=START, algorithm=jaxem.Stochastic(400), progress=stop)
    assert interrupted.status == jaxem.Status.INTERRUPTED


CHAIN = {"algorithm": jaxem.Stochastic(5)}
MISTAKES: dict[str, Any] = {
    "no steps": (lambda: jaxem.Stochastic(0), "steps must be an integer"),
    "half a draw": (lambda: jaxem.Stochastic(draws=0.5), "draws must be an integer"),  # pyright: ignore
    "another answer": (lambda: jaxem.Stochastic(answer="last"), '"best" or "mean"'),  # pyright: ignore
    "half a row": (
        lambda: fit(CLOSE, algorithm=jaxem.Stochastic(5), weights=np.full(len(CLOSE), 0.5)),
        "whole numbers; got 0.5",
    ),
    "half a sequence": (
        lambda: jaxem.fit(*plain()[:2], weights=[1, 2, 1], **CHAIN),
        "repeat the sequence",
    ),
    "a finish": (lambda: fit(CLOSE, algorithm=jaxem.Stochastic(5), finish="newton"), "polish=True"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said(name):
    make, words = MISTAKES[name]
    with pytest.raises(jaxem.DeclarationError, match=words):
        make()
