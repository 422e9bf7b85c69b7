"""The three paths of a chain's E-step give one answer; so do weights, lengths and blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem.algebra.plan import make_plan
from jaxem.algorithm import EM
from jaxem.data.fit_data import PATHS, find_fit_data
from jaxem.estep import Exact, Hard, order
from jaxem.initial import Setting
from jaxem.model.binding import bind_steps
from jaxem.optimise.watch import Guards

from .variants import START, of_pairs, plain


def simulated(count=20, horizon=15, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, horizon + 1, size=count)
    lengths[0] = horizon
    states = (rng.random((count, horizon)).cumsum(1) // 3 % 2).astype(int)
    return np.array([-1.0, 1.5])[states] + rng.normal(size=(count, horizon)), lengths


def fit_data_of(model, data, lengths, weights=None):
    bound = bind_steps(model, data, lengths)
    given = bound.weigh(weights)
    plan = make_plan(model, bound.rows, given)
    return find_fit_data(Setting(model, plan, bound.rows, given, bound.sequences), EM(), 1)


def look(fit_data, path, model, start, e_step):
    """Evidence, counts, and the gradient of Q elsewhere."""
    source = fit_data.source(path, model.latent.configurations, 1)
    at = {k: jnp.asarray(v) for k, v in start.items()}
    away = {k: v * 1.1 if k in ("loc", "scale", "rate", "first") else v for k, v in at.items()}

    @jax.jit
    def run(at, away, source):
        evidence, counts, q = source.expect(model, e_step, at)
        return evidence, counts, jax.grad(q)(away)

    return run(at, away, source)


def assert_same(found, expected):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("e_step", [Exact(), Hard()], ids=["exact", "hard"])
def test_all_paths_agree_where_the_step_splits(e_step):
    (model, _, start), (data, lengths) = plain(), simulated()
    weights = np.arange(len(lengths)) % 3
    fit_data = fit_data_of(model, data, lengths, weights)
    assert fit_data.split and fit_data.first == "product"
    answers = [look(fit_data, path, model, start, e_step) for path in PATHS]
    assert_same(answers[0], answers[2])
    assert_same(answers[1], answers[2])


def test_all_paths_agree_where_it_does_not():
    (model, _, start), (_, lengths) = of_pairs(), simulated()
    data = np.random.default_rng(1).poisson(4.0, size=(len(lengths), 15))
    fit_data = fit_data_of(model, data, lengths)
    assert not fit_data.split and fit_data.first == "product"
    answers = [look(fit_data, path, model, start, Exact()) for path in PATHS]
    assert_same(answers[0], answers[2])
    assert_same(answers[1], answers[2])


@pytest.mark.long
def test_blocks_of_sequences_change_nothing(monkeypatch):
    (model, _, start), (data, lengths) = plain(), simulated()
    whole = [look(fit_data_of(model, data, lengths), path, model, start, Exact()) for path in PATHS]
    monkeypatch.setattr(order, "_ENTRIES", 15 * 6 * 8)
    cut = fit_data_of(model, data, lengths)
    assert cut.source("product", 6, 1).batch.weights.shape[0] == 4  # 20 sequences fill up to 32
    for path, expected in zip(PATHS, whole, strict=True):
        assert_same(look(cut, path, model, start, Exact()), expected)


@pytest.mark.parametrize("declared", [plain, of_pairs], ids=["split", "pairs"])
def test_windows_of_time_change_nothing(declared, monkeypatch):
    (model, _, start), (data, lengths) = declared(), simulated(horizon=70)
    if declared is of_pairs:
        data = np.random.default_rng(1).poisson(4.0, size=data.shape)
    weights = np.arange(len(lengths)) % 3
    whole = fit_data_of(model, data, lengths, weights)
    assert whole.source("product", 6, 1).windows == 1
    expected = look(whole, "product", model, start, Exact())
    guard = Guards(model, make_plan(model, whole.rows, whole.weights), whole)
    given = {name: np.asarray(value) for name, value in start.items()}
    ((_, evidence),) = guard.evidence(Exact(), [0], lambda lane: given)
    np.testing.assert_allclose(evidence, expected[0], rtol=1e-12)

    monkeypatch.setattr(order, "_WINDOW", 900)
    cut = fit_data_of(model, data, lengths, weights)
    assert cut.source("product", 6, 1).windows > 1
    assert_same(look(cut, "product", model, start, Exact()), expected)
    guard = Guards(model, make_plan(model, cut.rows, cut.weights), cut)
    ((_, again),) = guard.evidence(Exact(), [0], lambda lane: given)
    np.testing.assert_allclose(again, evidence, rtol=1e-12)


@pytest.mark.long
def test_memory_of_an_e_step_does_not_grow_with_time(monkeypatch):
    """What it allocates beside its arguments: flags, and no numbers a step."""
    monkeypatch.setattr(order, "_WINDOW", 2**12)
    (model, _, start), temporary = plain(), []
    at = {k: jnp.asarray(v) for k, v in start.items()}
    for horizon in (2**13 + 1, 2**15 + 1):
        data = np.random.default_rng(0).normal(size=(1, horizon))
        source = fit_data_of(model, data, None).source("product", 6, 1)

        def totals(at, source):
            evidence, counts, q = source.expect(model, Exact(), at)
            return evidence, counts, q.kept

        compiled = jax.jit(totals).lower(at, source).compile()
        temporary.append(compiled.memory_analysis().temp_size_in_bytes)
        assert source.windows >= 4
    assert temporary[1] - temporary[0] < 4 * (2**15 - 2**13)


def test_weights_are_repetitions_and_zero_is_absence():
    (model, _, start), (data, lengths) = plain(), simulated()
    weights = np.arange(len(lengths)) % 3
    options = {"init": start, "tolerance": 0, "max_steps": 4}
    weighted = jaxem.fit(model, data, lengths=lengths, weights=weights, **options)
    index = np.repeat(np.arange(len(lengths)), weights)
    repeated = jaxem.fit(model, data[index], lengths=lengths[index], **options)
    np.testing.assert_allclose(weighted.trace, repeated.trace, rtol=1e-11)
    assert_same(weighted.params, repeated.params)


@pytest.mark.long
def test_what_stands_past_an_end_is_not_read():
    (model, _, start), (data, lengths) = plain(), simulated()
    spoilt = data.copy()
    spoilt[np.arange(15) >= lengths[:, None]] = np.nan
    options = {"init": start, "tolerance": 0, "max_steps": 3, "lengths": lengths}
    one, other = (jaxem.fit(model, y, **options) for y in (data, spoilt))
    np.testing.assert_array_equal(one.trace, other.trace)
    for method in ("responsibilities", "filtered", "predict", "log_density"):
        found = getattr(one, method)(spoilt, lengths=lengths)
        np.testing.assert_array_equal(found, getattr(one, method)(data, lengths=lengths))


@pytest.mark.long
def test_readings_agree_with_one_another():
    (model, _, start), (data, lengths) = plain(), simulated()
    fit = jaxem.fit(model, data, lengths=lengths, init=start, max_steps=2)
    responsibilities = np.asarray(fit.responsibilities(data, lengths=lengths))
    pairs = np.asarray(fit.pairwise(data, lengths=lengths))
    exists = np.arange(15) < lengths[:, None]
    np.testing.assert_allclose(responsibilities.sum(-1), exists, atol=1e-12)
    np.testing.assert_allclose(
        pairs.sum(-2), np.where(exists[:, 1:, None], responsibilities[:, 1:], 0)
    )
    both = exists[:, 1:, None]
    np.testing.assert_allclose(
        pairs.sum(-1), np.where(both, responsibilities[:, :-1], 0), atol=1e-12
    )
    filtered = np.asarray(fit.filtered(data, lengths=lengths))
    last = np.arange(len(lengths)), lengths - 1
    np.testing.assert_allclose(filtered[last], responsibilities[last], atol=1e-12)
    paths = np.asarray(fit.sample_paths(data, draws=2000, key=1, lengths=lengths))
    assert paths.shape == (2000, *exists.shape) and np.all((paths == -1) == ~exists)
    np.testing.assert_allclose((paths == 1).mean(0), responsibilities[..., 1], atol=0.06)
    states, value = fit.viterbi(data, lengths=lengths)
    np.testing.assert_array_equal(states, fit.predict(data, lengths=lengths))
    assert np.all(np.asarray(value) <= np.asarray(fit.log_density(data, lengths=lengths)))


@pytest.mark.long
def test_restarts_run_at_once_as_they_run_alone():
    (model, _, _), (data, lengths) = plain(), simulated()
    options = {"lengths": lengths, "tolerance": 0, "max_steps": 5}
    starts = [START, {**START, "loc": [1.0, -1.0]}]
    alone = [jaxem.fit(model, data, init=start, **options).objective for start in starts]
    stacked = {k: np.stack([np.asarray(s[k]) for s in starts]) for k in START}
    both = jaxem.fit(model, data, init=stacked, restarts=2, **options)
    np.testing.assert_allclose(both.restarts.objective, alone, rtol=1e-11)
