"""Equal rows are one row with a weight, and nothing else changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem.algebra import merge
from jaxem.algebra.merge import merge_rows
from jaxem.model.check import prepare_data
from jaxem.numerics.rows import row_count

from .counts import COUNTS, START, counts_model

_rng = np.random.default_rng(3)


@pytest.fixture
def unmerged(monkeypatch):
    """Call it, and no rows repeat from then on."""
    return lambda: monkeypatch.setattr(merge, "_repeats", lambda data, present: False)


def _fit(**options) -> jaxem.Fit:
    return jaxem.fit(counts_model(), COUNTS, init=START, tolerance=0, max_steps=8, **options)


def _as_multiset(data, weights) -> dict[tuple, float]:
    """Total weight of each different row."""
    total: dict[tuple, float] = {}
    table = np.column_stack([np.asarray(leaf, float) for leaf in jax.tree.leaves(data)])
    for row, weight in zip(table, weights, strict=True):
        if weight > 0:
            total[tuple(row)] = total.get(tuple(row), 0.0) + float(weight)
    return total


def test_merged_rows_have_the_log_likelihood_of_all_rows():
    weights = _rng.uniform(0.5, 2.0, len(COUNTS))
    rows, merged, _ = merge_rows(COUNTS, weights)
    assert row_count(rows) < len(COUNTS) / 4
    model = counts_model()
    expected = float(model.log_likelihood(START, COUNTS, jnp.asarray(weights)))
    found = float(model.log_likelihood(START, rows, jnp.asarray(merged)))
    assert found == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("weights", [None, _rng.integers(0, 4, len(COUNTS))], ids=["one", "some"])
def test_a_fit_goes_the_same_way_merged_or_not(weights, unmerged):
    merged = _fit(weights=weights)
    unmerged()
    plain = _fit(weights=weights)
    assert merged.plan.route.merged == len(np.unique(COUNTS))
    assert plain.plan.route.merged == (len(COUNTS) if weights is None else (weights > 0).sum())
    np.testing.assert_allclose(merged.trace, plain.trace, rtol=1e-12)
    assert merged.rows == plain.rows


def test_counts_sum_to_the_total_weight():
    weights = _rng.uniform(0, 1, len(COUNTS))
    rows, merged, _ = merge_rows(COUNTS, weights)
    assert merged.sum() == pytest.approx(weights.sum(), rel=1e-14)
    found, expected = _as_multiset(rows, merged), _as_multiset(COUNTS, weights)
    assert found == pytest.approx(expected, rel=1e-13)


def test_a_row_of_weight_zero_changes_nothing():
    """Not even one that no state can have made: a count of minus one."""
    impossible = np.append(COUNTS, -1.0)
    weights = np.append(np.ones(len(COUNTS)), 0.0)
    rows, merged, _ = merge_rows(impossible, weights)
    assert not np.any(rows == -1)
    assert merged.sum() == len(COUNTS)
    with_it = jaxem.fit(
        counts_model(), impossible, weights=weights, init=START, tolerance=0, max_steps=8
    )
    np.testing.assert_allclose(with_it.trace, _fit().trace, rtol=1e-13)


def test_rows_of_weight_zero_leave_even_where_nothing_repeats():
    x = _rng.normal(size=400)
    weights = np.where(np.arange(400) % 2, 1.0, 0.0)
    rows, merged, _ = merge_rows(x, weights)
    assert set(rows) == set(x[1::2])
    assert merged.sum() == 200


def test_leaves_of_every_kind_are_compared_together():
    """Rows that agree in one leaf and differ in another stay apart."""
    data = {
        "count": np.repeat(np.arange(4), 100).astype(np.int32),
        "flag": np.tile([True, False], 200),
        "pair": np.tile([[0.5, -0.5]], (400, 1)).astype(np.float32),
        "value": np.tile([0.1, 0.1, 0.2, 0.2], 100),
    }
    rows, merged, _ = merge_rows(data, np.ones(400))
    leaves = {k: v if v.ndim == 1 else v[:, 0] for k, v in data.items()}
    kept = {k: v if v.ndim == 1 else v[:, 0] for k, v in rows.items()}
    found = _as_multiset(kept, merged)
    assert found == _as_multiset(leaves, np.ones(400))
    assert len(found) == (merged > 0).sum() == 16
    assert {k: v.dtype for k, v in rows.items()} == {k: v.dtype for k, v in data.items()}


def test_collisions_of_the_hash_are_harmless(monkeypatch):
    expected = _as_multiset(*merge_rows(COUNTS, np.ones(len(COUNTS)))[:2])
    monkeypatch.setattr(merge, "_hash", lambda words: np.zeros(len(words), np.uint64))
    rows, merged, _ = merge_rows(COUNTS, np.ones(len(COUNTS)))
    assert (merged > 0).sum() == len(np.unique(COUNTS))
    assert _as_multiset(rows, merged) == expected


@pytest.mark.parametrize("count", [500, 5000], ids=["all rows", "a sketch"])
def test_continuous_data_are_returned_untouched(count):
    x, weights = _rng.normal(size=count), _rng.uniform(1, 2, count)
    rows, merged, _ = merge_rows(x, weights)
    assert rows is x
    assert merged is weights


def test_a_sketch_finds_the_repetitions_of_many_rows():
    x = _rng.integers(0, 30, 50_000)
    rows, merged, _ = merge_rows(x, np.ones(len(x)))
    assert len(rows) == 32
    assert _as_multiset(rows, merged) == _as_multiset(x, np.ones(len(x)))


@pytest.mark.parametrize("distinct", [1, 16, 17, 33, 100, 300])
def test_the_size_is_rounded_up_and_the_filler_weighs_nothing(distinct):
    x = np.repeat(np.arange(float(distinct)), 40)
    rows, merged, _ = merge_rows(x, np.ones(len(x)))
    unit = max(16, 2 ** (distinct.bit_length() - 4))
    assert len(rows) == len(merged) == -(-distinct // unit) * unit
    assert (merged > 0).sum() == distinct
    assert np.all(merged[merged > 0] == 40)
    assert set(rows) == set(x)


def test_a_leaf_without_entries_is_no_obstacle():
    data = prepare_data({"x": COUNTS, "none": np.zeros((len(COUNTS), 0))})
    rows, merged, _ = merge_rows(data, np.ones(len(COUNTS)))
    assert (merged > 0).sum() == len(np.unique(COUNTS))
    assert rows["none"].shape == (len(merged), 0)
