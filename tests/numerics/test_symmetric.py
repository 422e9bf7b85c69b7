"""Symmetric matrices: Newton's step is exact where it can be and uphill everywhere; no units."""

import jax.numpy as jnp
import numpy as np

from jaxem.numerics.symmetric import (
    covariance,
    solve_concave,
    solve_definite,
    spectrum,
)

_rng = np.random.default_rng(0)
HALF = _rng.normal(size=(4, 3, 3))
CONCAVE = -(HALF @ HALF.swapaxes(1, 2)) - 0.1 * np.eye(3)
SLOPE = _rng.normal(size=(4, 3))


def step(hessian, gradient):
    return np.asarray(solve_concave(jnp.asarray(hessian), jnp.asarray(gradient)))


def test_a_concave_quadratic_is_solved_in_one_step():
    expected = np.linalg.solve(-CONCAVE, SLOPE[..., None])[..., 0]
    np.testing.assert_allclose(step(CONCAVE, SLOPE), expected, rtol=1e-10)


def test_single_unknowns_are_divided():
    found = step([[[-2.0]], [[0.0]], [[4.0]]], [[1.0], [1.0], [1.0]])
    np.testing.assert_allclose(found[:, 0], [0.5, 0.0, 0.25])


def test_directions_without_curvature_are_left_alone():
    """Two columns that are the same: their sum is known, their difference is not."""
    design = np.array([[1.0, 2.0, 2.0], [1.0, -1.0, -1.0], [1.0, 0.5, 0.5], [1.0, 3.0, 3.0]])
    response = np.array([1.0, 2.0, 0.0, 4.0])
    found = step(-(design.T @ design), design.T @ response)
    expected, *_ = np.linalg.lstsq(design[:, :2], response, rcond=None)
    np.testing.assert_allclose(found[[0, 1]] + [0, found[2]], expected, rtol=1e-9)
    np.testing.assert_allclose(found[1], found[2], rtol=1e-9)


def test_units_do_not_decide_what_counts_as_flat():
    units = np.array([1.0, 1e-9, 1e9])
    expected = step(CONCAVE, SLOPE) / units
    found = step(CONCAVE * np.outer(units, units), SLOPE * units)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_wrong_curvature_still_points_uphill():
    for hessian in (-CONCAVE[0], np.diag([-1.0, 2.0, -3.0]), np.array([[0, 1.0], [1.0, 0]])):
        gradient = np.arange(1.0, len(hessian) + 1)
        assert gradient @ step(hessian, gradient) > 0


def test_an_asymmetric_matrix_is_taken_as_its_symmetric_part():
    skew = np.array([[0.0, 0.3, 0.0], [-0.3, 0.0, 0.1], [0.0, -0.1, 0.0]])
    np.testing.assert_allclose(step(CONCAVE[0] + skew, SLOPE[0]), step(CONCAVE[0], SLOPE[0]))


def test_only_the_broken_block_is_lost():
    broken = CONCAVE.copy()
    broken[1, 0, 0] = np.nan
    found = step(broken, SLOPE)
    assert np.all(np.isnan(found[1]))
    np.testing.assert_allclose(found[[0, 2, 3]], step(CONCAVE, SLOPE)[[0, 2, 3]])


def test_directions_take_a_matrix_apart_and_its_inverse():
    units = np.array([1e-6, 1.0, 1e6])
    matrix = -CONCAVE * np.outer(units, units)
    values, directions, scale = spectrum(matrix)
    diagonal = values[:, :, None] * np.eye(3)
    np.testing.assert_allclose(directions.mT @ matrix @ directions, diagonal, atol=1e-12)
    np.testing.assert_allclose(scale**2, np.diagonal(matrix, axis1=1, axis2=2))
    np.testing.assert_allclose(values, spectrum(-CONCAVE)[0])
    np.testing.assert_allclose(covariance(matrix[0], 1e-14), np.linalg.inv(matrix[0]), rtol=1e-9)


def test_a_small_diagonal_entry_is_scaled_as_if_it_were_larger():
    values, _, scale = spectrum(np.diag([-1e-9, 4.0]), 1e-6)
    np.testing.assert_allclose(values, [-2.5e-4, 1.0])
    np.testing.assert_allclose(scale, [2e-3, 2.0])


def test_equations_are_solved_where_the_matrix_is_definite_and_nowhere_else():
    matrix = jnp.asarray(-CONCAVE).at[1].multiply(-1)
    found = np.asarray(solve_definite(matrix, jnp.asarray(SLOPE)))
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[[0, 2, 3]], step(CONCAVE, SLOPE)[[0, 2, 3]], rtol=1e-9)
