"""Factorisations by array code against LAPACK's, in every arrangement that JAX asks for."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.scipy.linalg import solve_triangular

from jaxem.numerics.factorise import cholesky, lu
from jaxem.traces.plain import plain
from jaxem.traces.rewrite import mentions

SIZES = [1, 2, 7, 33, 70]
NAMES = ("cholesky", "triangular_solve", "lu")


def matrices(size, count=3):
    return np.random.default_rng(size).normal(size=(count, size, size))


def positive(size):
    half = matrices(size)
    return half @ half.swapaxes(1, 2) + np.eye(size)


def close(found, expected, rtol=1e-9):
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("size", SIZES)
def test_cholesky_is_lapack_s(size):
    close(jax.jit(cholesky)(positive(size)), np.linalg.cholesky(positive(size)))


def test_a_matrix_that_is_not_positive_definite_is_nan_alone():
    mixed = np.stack([np.eye(2), np.array([[1.0, 2.0], [2.0, 1.0]])])
    found = np.asarray(cholesky(jnp.asarray(mixed)))
    np.testing.assert_array_equal(found[0], np.eye(2))
    assert np.all(np.isnan(found[1][np.tril_indices(2)]))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("lower", "transposed", "unit"), list(itertools.product([True, False], repeat=3))
)
def test_triangular_solves_in_every_arrangement(size, lower, transposed, unit):
    a = matrices(size) / (4 * size) + np.eye(size)
    b = matrices(size)[:, :, : 1 + size // 2]

    def solve(a, b):
        return solve_triangular(a, b, trans=int(transposed), lower=lower, unit_diagonal=unit)

    close(jax.jit(plain(solve))(a, b), solve(a, b))


@pytest.mark.parametrize("transposed", [True, False])
def test_a_solve_from_the_right(transposed):
    a, b = np.linalg.cholesky(positive(5)), matrices(5)[:, :2]

    def solve(a, b):
        return jax.lax.linalg.triangular_solve(a, b, lower=True, transpose_a=transposed)

    close(jax.jit(plain(solve))(a, b), solve(a, b))


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (6, 4), (4, 6), (40, 40)])
def test_lu_chooses_lapack_s_pivots(shape):
    a = np.random.default_rng(0).normal(size=(3, *shape))
    factors, pivots, order = jax.jit(lu)(a)
    expected = jax.lax.linalg.lu(jnp.asarray(a))
    close(factors, expected[0])
    np.testing.assert_array_equal(pivots, expected[1])
    np.testing.assert_array_equal(order, expected[2])


def test_lu_of_a_singular_matrix_has_a_zero_on_its_diagonal():
    factors, _, _ = lu(jnp.asarray([[1.0, 2.0], [2.0, 4.0]]))
    np.testing.assert_allclose(factors, [[2.0, 4.0], [0.5, 0.0]])
    np.testing.assert_allclose(jax.jit(plain(jnp.linalg.det))(jnp.ones((3, 3))), 0, atol=1e-15)


def normal(covariance, row):
    return dist.MultivariateNormal(jnp.zeros(len(row)), covariance).log_prob(row)


def hessian_product(covariance, row):
    slope = jax.grad(normal)
    return jax.jvp(lambda c: slope(c, row), (covariance,), (covariance,))[1]


def by_lu(covariance, row):
    return row @ jnp.linalg.solve(covariance, row) + jnp.linalg.slogdet(covariance)[1]


def in_a_loop(covariance, row):
    return jax.lax.fori_loop(0, 3, lambda i, t: t + normal(covariance * (i + 1), row), 0.0)


def rematerialised(covariance, row):
    return jax.grad(jax.checkpoint(normal))(covariance, row)


def in_a_branch(covariance, row):
    return jax.lax.cond(row[0] > 0, normal, lambda c, r: -normal(c, r), covariance, row)


@pytest.mark.parametrize(
    "function", [normal, hessian_product, by_lu, in_a_loop, rematerialised, in_a_branch]
)
def test_no_program_of_any_shape_keeps_a_call(function):
    covariance, row = jnp.asarray(positive(4)), jnp.asarray(matrices(4)[0, 0])

    def each(c, r):
        return jax.vmap(function)(c, jnp.stack([r, r + 1, r - 1]))

    with_calls = jax.make_jaxpr(each)(covariance, row)
    without = jax.make_jaxpr(plain(each))(covariance, row)
    assert mentions(with_calls.jaxpr, NAMES)
    assert not mentions(without.jaxpr, NAMES)
    close(jax.jit(plain(each))(covariance, row), each(covariance, row))


def test_what_a_function_returns_keeps_its_structure():
    found = jax.jit(plain(lambda a, b: {"sum": a + b["x"], "same": (b["x"],)}))(1.0, {"x": 2.0})
    assert jax.tree.map(float, found) == {"sum": 3.0, "same": (2.0,)}


def test_complex_matrices_stay_with_lapack():
    a = positive(3).astype(complex)
    close(jax.jit(plain(jnp.linalg.cholesky))(a), np.linalg.cholesky(a))


def test_single_precision_stays_single():
    assert jax.jit(cholesky)(positive(4).astype(np.float32)).dtype == np.float32
