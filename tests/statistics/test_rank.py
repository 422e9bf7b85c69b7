"""The rank that is read off sampled columns."""

import numpy as np
import pytest

from jaxem.algebra.rank import Rank, Standard, find_rank

_rng = np.random.default_rng(0)
X = np.sort(_rng.uniform(-1, 1, 300))


def _rank(columns: np.ndarray) -> Rank:
    return find_rank(Standard.of(columns)(columns))


def _mixed(basis: np.ndarray, count: int = 40) -> np.ndarray:
    """Random members of the span of some functions."""
    return basis @ np.random.default_rng(1).normal(size=(basis.shape[1], count))


@pytest.mark.parametrize("degree", [1, 2, 3, 6])
def test_polynomials_have_one_more_than_their_degree(degree):
    rank = _rank(_mixed(np.vander(X, degree + 1)))
    assert rank.clear
    assert rank.value == degree + 1


def test_a_constant_counts_whether_it_is_in_the_columns_or_not():
    basis = np.exp(np.outer(X, [1.0, -2.0, 4.0]))
    rank = _rank(_mixed(basis))
    assert rank.clear
    assert rank.value == 4


def test_columns_that_do_not_vary_have_rank_one():
    rank = _rank(np.tile([3.0, -1e9, 0.0], (300, 1)))
    assert rank.value == 1


def test_few_members_show_no_more_than_they_span():
    rank = _rank(_mixed(np.vander(X, 8), count=4))
    assert rank.value == 5
    assert not rank.clear


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_scale_and_offset_of_columns_do_not_matter(scale):
    columns = _mixed(np.vander(X, 4)[:, :3])
    uneven = columns * 10 ** _rng.uniform(-3, 3, columns.shape[1]) * scale
    moved = uneven + 50 * scale * _rng.normal(size=columns.shape[1])
    for changed in (columns, uneven, moved):
        rank = _rank(changed)
        assert rank.clear
        assert rank.value == 4


def test_a_smooth_density_that_is_no_exponential_family_decays():
    centres, scales = _rng.normal(size=60), _rng.uniform(1.0, 2.0, 60)
    rank = _rank(np.log1p(((X[:, None] - centres) / scales) ** 2))
    assert rank.decays
    assert not rank.clear


def test_a_kink_never_ends():
    """Twice the columns, and the rank grows with them."""
    ranks = []
    for count in (20, 40, 80):
        ranks.append(_rank(np.abs(X[:, None] - np.linspace(-0.95, 0.95, count))))
        assert not ranks[-1].clear
        assert not ranks[-1].decays
    assert [rank.value for rank in ranks] == [21, 41, 81]


def test_the_first_rows_of_the_order_span_all_others():
    columns = _mixed(np.vander(X, 4))
    standard = Standard.of(columns)(columns)
    rank = find_rank(standard)
    anchors = standard[rank.order[: rank.value]]
    coefficients = standard @ np.linalg.pinv(anchors)
    np.testing.assert_allclose(coefficients @ anchors, standard, atol=1e-12)
    assert np.abs(coefficients).max() < 3


def test_a_single_odd_row_is_a_dimension():
    """As the zeros of a zero-inflated count are, however few."""
    columns = _mixed(np.vander(X, 3))
    columns[17] += _rng.normal(size=columns.shape[1])
    rank = _rank(columns)
    assert rank.clear
    assert rank.value == 4
    assert 17 in rank.order[:4]
