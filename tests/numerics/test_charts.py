"""Real coordinates: there and back, and derivatives against automatic ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.numerics.charts import from_real, real_gradient, real_tangent, to_real

_lower = np.tril(np.random.default_rng(0).normal(size=(2, 3, 3)))
_lower[:, range(3), range(3)] = [[0.5, 1.0, 2.0], [1.5, 0.2, 0.9]]
POINTS = {
    "real": np.array([[-3.0, 0.0, 2.5]]),
    "positive": np.array([[1e-8, 1.0, 3e5]]),
    "unit": np.array([[1e-6, 0.5, 0.9]]),
    "simplex": np.array([[0.2, 0.5, 0.3], [0.9, 1e-7, 0.1 - 1e-7]]),
    "lower_cholesky": _lower,
    "positive_definite": _lower @ _lower.swapaxes(1, 2),
}
KINDS = pytest.mark.parametrize("kind", POINTS)


@KINDS
def test_there_and_back(kind):
    point = POINTS[kind]
    np.testing.assert_allclose(from_real(kind, to_real(kind, point)), point, rtol=1e-12)


@KINDS
def test_numpy_and_jax_agree(kind):
    point = POINTS[kind]
    u = to_real(kind, point)
    np.testing.assert_allclose(to_real(kind, jnp.asarray(point)), u, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(from_real(kind, jnp.asarray(u)), from_real(kind, u), rtol=1e-13)
    assert isinstance(u, np.ndarray)


def function(t):
    """Some smooth function of a point, that treats no entry like another."""
    weights = jnp.asarray(np.random.default_rng(1).normal(size=t.shape))
    return jnp.sum(weights * jnp.sin(t)) + jnp.sum(t[..., 0] ** 2)


@KINDS
def test_gradients_are_carried_by_the_chain_rule(kind):
    point = jnp.asarray(POINTS[kind])
    u = to_real(kind, point)
    expected = jax.grad(lambda v: function(from_real(kind, v)))(u)
    found = real_gradient(kind, point, jax.grad(function)(point))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@KINDS
def test_tangents_are_pushed_by_the_chain_rule(kind):
    point = jnp.asarray(POINTS[kind])
    u = to_real(kind, point)
    move = jnp.asarray(np.random.default_rng(2).normal(size=u.shape))
    if kind in ("lower_cholesky", "positive_definite"):
        move = jnp.tril(move)
    _, expected = jax.jvp(lambda v: from_real(kind, v), (u,), (move,))
    np.testing.assert_allclose(real_tangent(kind, point, move), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "edge"), [("positive", [0.0]), ("unit", [0.0, 1.0]), ("simplex", [0.0, 1.0])]
)
def test_the_edge_has_finite_coordinates(kind, edge):
    u = to_real(kind, np.array(edge))
    assert np.all(np.isfinite(u))
    np.testing.assert_allclose(from_real(kind, u), edge, atol=1e-15)
