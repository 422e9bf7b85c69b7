"""Data drawn by samplers of rows, sequences and trees, and their hidden states."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem.model.binding import bind_steps
from jaxem.simulation import simulate

from .problem import LENGTHS, ROWS, SERIES, SHARE, chain, of_step, parts, step_prior

POSSIBLE = np.where([[1, 1], [0, 1]], SHARE, 0) / 0.9


def draw_row(params, key, x):
    which, where = jax.random.split(key)
    z = jax.random.categorical(which, jnp.log(POSSIBLE).ravel())
    return params["loc"][z // 2] + params["shift"][z % 2] + jax.random.normal(where)


def draw_series(params, key, x):
    start, *keys = jax.random.split(key, 1 + len(x))

    def step(z, key):
        move, show = jax.random.split(key)
        after = jax.random.categorical(move, jnp.log(params["move"][z]))
        return after, jax.random.poisson(show, params["rate"][z])

    first = jax.random.categorical(start, jnp.log(params["first"]))
    return jax.lax.scan(step, first, jnp.stack(keys))[1]


def test_rows_and_their_states_come_from_the_joint():
    fit = parts()
    found = fit.simulate(ROWS, draw_row, draws=800)
    assert len(found) == 800 and found[3].shape == ROWS.shape
    left, right = found.latents["left"], found.latents["right"]
    assert left.shape == right.shape == (800, 5)
    for a, b in np.ndindex(2, 2):
        here, p = (left == a) & (right == b), POSSIBLE[a, b]
        assert abs(here.mean() - p) <= 4 * np.sqrt(p * (1 - p) / here.size)
        if p:
            some = found.data[here] - fit.params["loc"][a] - fit.params["shift"][b]
            assert abs(some.mean()) < 4 / np.sqrt(some.size)
            assert abs(some.std() - 1) < 4 / np.sqrt(2 * some.size)
    np.testing.assert_array_equal(found.data, fit.simulate(ROWS, draw_row, draws=800).data)


def test_sequences_keep_their_lengths():
    fit = chain()
    found = fit.simulate(SERIES, draw_series, draws=300, lengths=LENGTHS)
    exists = np.arange(4) < LENGTHS[:, None]
    assert found.data.shape == found.latents.shape == (300, 3, 4)
    assert found.data.dtype == SERIES.dtype
    assert not found.data[:, ~exists].any() and (found.latents[:, ~exists] == -1).all()
    np.testing.assert_array_equal(found.lengths, LENGTHS)
    y, z, p = found.data[:, exists], found.latents[:, exists], fit.params
    for state in range(2):
        some, rate = y[z == state], p["rate"][state]
        assert abs(some.mean() - rate) < 4 * np.sqrt(rate / some.size)
    before, after = (found.latents[:, :, at][:, exists[:, 1:]] for at in (slice(3), slice(1, 4)))
    for state in range(2):
        moved, chance = after[before == state], p["move"][state, 1]
        assert abs(moved.mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / moved.size)


def test_a_predictive_check_of_sequences():
    weights = np.array([2, 1, 0])  # the first counts twice, the last not at all

    def statistic(y):
        assert y.shape == (3, 4)
        return np.array([y.sum(), y[:2, 3:].sum()])

    fit = jaxem.fit(
        chain().model, SERIES, lengths=LENGTHS, weights=weights, init=chain().params, max_steps=0
    )
    found = jaxem.predictive_check(
        fit, SERIES, draw_series, statistic, draws=300, weights=weights, lengths=LENGTHS
    )
    assert found.observed.tolist() == [22.0, 0.0]
    assert not found.replicated[:, 1].any() and found.replicated[:, 0].std() > 0


def test_trees_are_drawn_as_a_whole():
    model = jaxem.Model(of_step, jaxem.Tree([-1, 0, 0], 2), step_prior())
    data = SERIES[:, :3]

    def draw(params, key, x):
        return x + params["rate"].astype(int)[0] + jax.random.randint(key, (), 0, 2)

    options = {"what": "a test", "compile": lambda name, function: function, "draws": 40}
    bound, params = bind_steps(model, data), {"rate": jnp.array([1.0, 6.0])}
    found = simulate(bound, data, params, draw, **options)
    more = found.data - data - 1
    assert set(more.ravel()) == {0, 1} and not np.ptp(more, axis=2).any()
    first, every = found.rows(model)
    assert every.shape == (40, 9) and first.sequences.count == 3 and found.lengths is None


def test_mistakes_are_told():
    def wrong(sampler, match, fit=None, data=ROWS, **options):
        with pytest.raises(jaxem.DeclarationError, match=match):
            (fit or parts()).simulate(data, sampler, **options)

    wrong(None, "not how to draw them")
    wrong(lambda params, key, x: {"x": x}, r"returns shapes {'x': \(\)}; expected those of x, \(\)")
    wrong(lambda params, key, x: params["scale"], "KeyError: 'scale'")
    wrong(lambda params, key: 0.0, "TypeError")
    wrong(lambda params, key, x: jnp.log(-9.0 - x), "NaN or infinite in 5 of 5")
    wrong(draw_row, "draws must be an integer of at least 1; got 0", draws=0)
    wrong(lambda params, key, x: 1.5, "drew 3 data sets that are all the same", draws=3)
    with pytest.raises(jaxem.DeclarationError, match="no sampler; give parametric=True"):
        jaxem.bootstrap(parts(), ROWS, sampler=draw_row)
    for use in (jaxem.bootstrap, lambda *a: jaxem.predictive_check(*a, draw_row, np.mean)):
        with pytest.raises(jaxem.DeclarationError, match="Give the data and the weights that were"):
            use(parts(), ROWS + 1.0)
    series = {"fit": chain(), "data": SERIES, "lengths": LENGTHS}
    wrong(None, r"one new sequence, leaves \(T, \.\.\.\)", **series)
    wrong(
        lambda params, key, x: x[0], r"returns shapes \(\); expected those of x, \(4,\)", **series
    )
    wrong(lambda params, key, x: x + 0.5, "fractions would be lost", **series)
