"""Sums in log space: right values, and derivatives that stay numbers at structural zeros."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jaxem.numerics.logspace import log_sum_exp, softmax

INF = np.inf
ROWS = {
    "ordinary": [0.3, -1.2, 2.0],
    "one impossible": [0.3, -INF, 2.0],
    "one possible": [-INF, 0.5, -INF],
    "far apart": [-800.0, 0.0, 700.0],
    "huge": [1e5, 1e5 - 1.0, 1e5 + 2.0],
    "tiny": [-1e5, -1e5 - 1.0, -1e5 + 2.0],
}


@pytest.mark.parametrize("name", ROWS)
def test_value_and_gradient_are_scipys(name):
    row = np.array(ROWS[name])
    value, slope = jax.value_and_grad(log_sum_exp)(jnp.asarray(row))
    np.testing.assert_allclose(value, special.logsumexp(row), rtol=1e-14)
    np.testing.assert_allclose(slope, special.softmax(row), rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(softmax(jnp.asarray(row)), slope, rtol=1e-14)


def test_nothing_possible_has_no_slope():
    nothing = jnp.full(3, -INF)
    value, slope = jax.value_and_grad(log_sum_exp)(nothing)
    assert value == -INF
    np.testing.assert_array_equal(slope, np.zeros(3))
    np.testing.assert_array_equal(softmax(nothing), np.zeros(3))
    np.testing.assert_array_equal(jax.jacfwd(log_sum_exp)(nothing), np.zeros(3))


def test_a_tangent_that_is_no_number_does_not_leak_out_of_an_impossible_state():
    row = jnp.array([0.0, -INF])
    _, moved = jax.jvp(log_sum_exp, (row,), (jnp.array([1.0, jnp.nan]),))
    assert moved == 1.0


def test_a_value_that_is_no_number_is_not_swallowed():
    assert jnp.isnan(log_sum_exp(jnp.array([0.0, jnp.nan])))


@pytest.mark.parametrize("row", [[0.3, -1.2, 2.0], [0.3, -INF, 2.0]])
def test_second_derivatives_are_the_covariance_of_the_indicator(row):
    p = special.softmax(row)
    found = jax.hessian(log_sum_exp)(jnp.array(row))
    np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), atol=1e-15)


def test_any_leading_axes():
    table = np.random.default_rng(0).normal(size=(2, 5, 3))
    np.testing.assert_allclose(log_sum_exp(table), special.logsumexp(table, axis=-1), rtol=1e-14)
    np.testing.assert_allclose(softmax(jnp.asarray(table)), special.softmax(table, axis=-1))


@pytest.mark.parametrize("level", [0.0, -3e4])
def test_single_precision_shares_sum_to_one(float32, level):
    """Whatever the size of the log factors: only their differences matter."""
    table = level + np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    sums = np.asarray(softmax(jnp.asarray(table))).sum(1)
    np.testing.assert_allclose(sums, 1.0, rtol=0, atol=8 * np.finfo(np.float32).eps)
