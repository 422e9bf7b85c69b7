"""Real coordinates of supports: there and back, and derivatives against automatic ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import constraints

from jaxem.supports import (
    CholeskyFactors,
    Matrices,
    PositiveDefinite,
    PositiveNumbers,
    RealNumbers,
    Transformed,
    UnitInterval,
    UnitSimplex,
)

_lower = np.tril(np.random.default_rng(0).normal(size=(2, 3, 3)))
_lower[:, range(3), range(3)] = [[0.5, 1.0, 2.0], [1.5, 0.2, 0.9]]
_unit_rows = _lower / np.linalg.norm(_lower, axis=-1, keepdims=True)
POINTS = {
    RealNumbers(): np.array([[-3.0, 0.0, 2.5]]),
    PositiveNumbers(): np.array([[1e-8, 1.0, 3e5]]),
    UnitInterval(): np.array([[1e-6, 0.5, 0.9]]),
    UnitSimplex(): np.array([[0.2, 0.5, 0.3], [0.9, 1e-7, 0.1 - 1e-7]]),
    CholeskyFactors(): _lower,
    PositiveDefinite(): _lower @ _lower.swapaxes(1, 2),
    Transformed(constraints.interval(-1.0, 3.0)): np.array([[-0.999, 0.5, 2.9]]),
    Transformed(constraints.corr_cholesky): _unit_rows,
}


def _name(support):
    return repr(getattr(support, "constraint", type(support).__name__))


SUPPORTS = pytest.mark.parametrize("support", POINTS, ids=_name)
CHARTS = pytest.mark.parametrize("support", [s for s in POINTS if s.has_chart], ids=_name)


@SUPPORTS
def test_there_and_back(support):
    point = POINTS[support]
    u = support.to_real(point)
    np.testing.assert_allclose(support.from_real(u), point, rtol=1e-9)
    assert np.shape(u) == (point.shape if support.has_chart else support.real_shape(point.shape))


@CHARTS
def test_numpy_and_jax_agree(support):
    point = POINTS[support]
    u = support.to_real(point)
    np.testing.assert_allclose(support.to_real(jnp.asarray(point)), u, rtol=1e-13, atol=1e-14)
    back = support.from_real(jnp.asarray(u))
    np.testing.assert_allclose(back, support.from_real(u), rtol=1e-13)
    assert isinstance(u, np.ndarray)


def function(t):
    """Some smooth function of a point, that treats no entry like another."""
    weights = jnp.asarray(np.random.default_rng(1).normal(size=t.shape))
    return jnp.sum(weights * jnp.sin(t)) + jnp.sum(t[..., 0] ** 2)


@SUPPORTS
def test_gradients_are_carried_by_the_chain_rule(support):
    point = jnp.asarray(POINTS[support])
    u = support.to_real(point)
    expected = jax.grad(lambda v: function(support.from_real(v)))(u)
    found = support.real_gradient(point, jax.grad(function)(point))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@SUPPORTS
def test_tangents_are_pushed_by_the_chain_rule(support):
    point = jnp.asarray(POINTS[support])
    u = support.to_real(point)
    move = jnp.asarray(np.random.default_rng(2).normal(size=u.shape))
    move = jnp.where(support.moving(u.shape), move, 0.0)
    _, expected = jax.jvp(support.from_real, (u,), (move,))
    np.testing.assert_allclose(support.real_tangent(point, move), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("support", "edge"),
    [(PositiveNumbers(), [0.0]), (UnitInterval(), [0.0, 1.0]), (UnitSimplex(), [0.0, 1.0])],
    ids=str,
)
def test_the_edge_has_finite_coordinates(support, edge):
    u = support.to_real(np.array(edge))
    assert np.all(np.isfinite(u))
    np.testing.assert_allclose(support.from_real(u), edge, atol=1e-15)


@SUPPORTS
def test_what_does_not_move_changes_nothing(support):
    point = POINTS[support]
    u = np.asarray(support.to_real(point))
    moved = u + ~support.moving(u.shape)
    np.testing.assert_array_equal(support.from_real(moved), support.from_real(u))
    assert isinstance(support, Matrices) or np.all(support.moving(u.shape))


@SUPPORTS
def test_the_centre_and_other_values_are_contained(support):
    point = POINTS[support]
    centre = support.center(point.shape)
    assert centre.shape == point.shape and np.all(support.contains(centre))
    assert np.all(support.contains(point))
    assert support.is_real or not np.any(support.contains(-9.0 - point))
    assert support.length_weights(jnp.asarray(point)).shape == support.real_shape(point.shape)


@pytest.mark.parametrize("support", [CholeskyFactors(), PositiveDefinite()], ids=_name)
def test_matrices_are_made_of_a_root(support):
    root = np.random.default_rng(3).normal(size=(2, 5, 3))
    found = support.of_root(root)
    assert np.all(support.contains(found))
    np.testing.assert_allclose(support.square(found), root.mT @ root, rtol=1e-10)
