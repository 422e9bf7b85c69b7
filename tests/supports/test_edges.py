"""Which entries lie on the boundary of a support, which coordinates are held, and ends."""

import pickle

import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

from jaxem.supports import (
    CholeskyFactors,
    PositiveDefinite,
    PositiveNumbers,
    RealNumbers,
    Transformed,
    UnitInterval,
    UnitSimplex,
    support_of,
)

_singular = np.array([[1.0, 1.0], [1.0, 1.0]])
_factor = np.array([[1.0, 0.0], [1.0, 0.0]])
ON_EDGE = [
    (RealNumbers(), [0.0, 1e300], [False, False]),
    (PositiveNumbers(), [1e-12, 1e-9], [True, False]),
    (UnitInterval(), [1e-6, 0.5, 1 - 1e-6], [True, False, True]),
    (UnitSimplex(), [1e-6, 0.5, 0.5 - 1e-6], [True, False, False]),
    (PositiveDefinite(), np.stack([_singular, np.eye(2)]), [[[True] * 2] * 2, [[False] * 2] * 2]),
    (CholeskyFactors(), np.stack([_factor, np.eye(2)]), [[[True] * 2] * 2, [[False] * 2] * 2]),
]


@pytest.mark.parametrize(("support", "value", "expected"), ON_EDGE)
def test_the_boundary_is_told_and_held(support, value, expected):
    value = np.asarray(value)
    reference = support.center(value.shape)
    edge = support.at_edge(value, reference, 0.01)
    np.testing.assert_array_equal(edge, expected)
    real, held, same = support.coordinates_at(value, edge, np.zeros(value.shape, bool))
    assert np.all(np.isfinite(real)) and np.all(held[edge])
    np.testing.assert_array_equal(same, edge)
    resting = np.ones(value.shape, bool)
    assert np.all(support.coordinates_at(value, edge, resting)[1])


def test_the_largest_probability_is_held():
    value = np.array([[0.2, 0.5, 0.3]])
    none = np.zeros(value.shape, bool)
    np.testing.assert_array_equal(
        UnitSimplex().coordinates_at(value, none, none)[1], [[False, True, False]]
    )
    assert UnitSimplex().coordinate_names(["a[0]", "a[1]", "a[2]"], value[0])[0] == "log a[0]/[1]"
    np.testing.assert_array_equal(UnitSimplex().together(value > 0.4), [[True]])


def test_the_ends_of_an_interval_are_told_by_saturated_coordinates():
    support = Transformed(constraints.interval(-1.0, 3.0))
    value = np.array([-1.0, 0.0, 3.0])
    none = np.zeros(3, bool)
    real, held, edge = support.coordinates_at(value, none, none)
    assert np.all(np.isfinite(real))
    np.testing.assert_array_equal(held, [True, False, True])
    np.testing.assert_array_equal(edge, held)


@pytest.mark.parametrize(
    ("support", "low", "high"),
    [
        (RealNumbers(), -np.inf, np.inf),
        (PositiveNumbers(), 0.0, np.inf),
        (UnitInterval(), 0.0, 1.0),
        (UnitSimplex(), 0.0, 1.0),
        (PositiveDefinite(), [[0.0, -np.inf], [-np.inf, 0.0]], np.inf),
        (Transformed(constraints.interval(-1.0, 3.0)), -1.0, 3.0),
        (Transformed(constraints.greater_than(2.0)), 2.0, np.inf),
        (Transformed(constraints.corr_matrix), -np.inf, np.inf),
    ],
)
def test_entries_have_ends(support, low, high):
    bounds = support.bounds((2, 2))
    np.testing.assert_array_equal(bounds, np.broadcast_arrays(np.zeros((2, 2)), low, high)[1:])


def test_bounded_sets():
    bounded = (constraints.simplex, constraints.unit_interval, constraints.corr_matrix)
    unbounded = (constraints.real, constraints.positive, constraints.greater_than(1.0))
    assert all(support_of(c).is_bounded for c in (*bounded, constraints.interval(0.0, 2.0)))
    assert not any(support_of(c).is_bounded for c in (*unbounded, constraints.lower_cholesky))


def test_exact_zeros_are_floored():
    for support in (PositiveNumbers(), UnitInterval(), UnitSimplex()):
        floored = support.floored(np.array([0.0, 0.5, 1.0]))
        assert 0 < floored[0] < 1e-299 and floored[1] == 0.5
    assert UnitInterval().floored(np.array(1.0)) < 1 == PositiveNumbers().floored(np.array(1.0))
    assert RealNumbers().floored(np.array(0.0)) == 0


def test_one_set_may_have_several_constraints():
    nonnegative = (constraints.positive, constraints.nonnegative, constraints.greater_than(0.0))
    assert {support_of(c) for c in nonnegative} == {PositiveNumbers()}
    assert support_of(dist.Uniform(0.0, 1.0).support) == UnitInterval()
    assert support_of(constraints.independent(constraints.real, 1)) == RealNumbers()
    assert support_of(constraints.scaled_unit_lower_cholesky) == CholeskyFactors()
    assert type(support_of(constraints.interval(0.0, 2.0))) is Transformed


def test_equal_sets_are_equal_and_travel():
    one, other = (support_of(constraints.interval(0.0, high)) for high in (2.0, 3.0))
    again = support_of(constraints.interval(0.0, 2.0))
    assert one == again and hash(one) == hash(again) and one != other
    assert RealNumbers() != PositiveNumbers()
    for support in (one, PositiveDefinite()):
        assert pickle.loads(pickle.dumps(support)) == support
