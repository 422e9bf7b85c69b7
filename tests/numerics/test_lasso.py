"""Least squares with absolute values: optimal by their own conditions, zeros to the last bit."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.numerics.lasso import lasso
from jaxem.numerics.linalg import make_semidefinite

_rng = np.random.default_rng(0)
BLOCKS, SIZE = 6, 5
SOLVE = jax.jit(lasso)


def problems():
    """Nearly collinear columns in most blocks; in the last, fewer rows than columns."""
    rows = _rng.normal(size=(BLOCKS, 40, SIZE))
    rows[:, :, 1] = rows[:, :, 0] + 1e-3 * rows[:, :, 1]
    rows[-1, 3:] = 0
    matrix = np.einsum("bni,bnj->bij", rows, rows)
    start = _rng.normal(size=(BLOCKS, SIZE))
    gradient = np.einsum("bij,bj->bi", matrix, _rng.normal(size=(BLOCKS, SIZE)) - start)
    centre = np.where(np.arange(SIZE) == 2, 0.25, 0.0) * np.ones((BLOCKS, 1))
    strength = np.where(np.arange(SIZE) == 3, 0.0, 10.0 ** _rng.uniform(0, 3, (BLOCKS, 1)))
    return matrix, gradient, start, centre, strength


def test_it_meets_the_conditions_of_a_maximum():
    matrix, gradient, start, centre, strength = problems()
    x = np.asarray(SOLVE(matrix, gradient, start, centre, strength))
    slope = gradient - np.einsum("bij,bj->bi", matrix, x - start)
    rests = (x == centre) & (strength > 0)
    scale = np.abs(gradient).max()
    assert 3 < rests.sum() < rests.size - BLOCKS
    assert np.all(np.abs(slope[rests]) <= strength[rests] + 1e-11 * scale)
    left = (slope - strength * np.sign(x - centre))[~rests]
    np.testing.assert_allclose(left, 0.0, atol=1e-10 * scale)


def test_without_strength_it_is_least_squares():
    matrix, gradient, start, centre, _ = problems()
    x = SOLVE(matrix, gradient, start, centre, np.zeros_like(centre))
    moved = np.einsum("bij,bj->bi", matrix, np.asarray(x) - start)
    np.testing.assert_allclose(moved, gradient, atol=1e-9 * np.abs(gradient).max())


def test_what_no_data_touch_goes_to_its_centre_or_stays():
    nothing = np.zeros((1, 3))
    x = SOLVE(np.zeros((1, 3, 3)), nothing, nothing + 2.0, nothing, np.array([[1.0, 0.0, 1.0]]))
    np.testing.assert_array_equal(x, [[0.0, 2.0, 0.0]])


def test_single_precision_has_exact_zeros_too():
    given = [leaf.astype(np.float32) for leaf in problems()]
    x = lasso(*map(jnp.asarray, given))
    assert x.dtype == np.float32
    wide = np.asarray(SOLVE(*problems()))[:-1]
    np.testing.assert_allclose(np.asarray(x)[:-1], wide, atol=5e-2)


def test_a_matrix_is_raised_by_what_it_lacks():
    matrix = np.array([[[1.0, 2.0], [2.0, 1.0]], [[2.0, 1.0], [1.0, 2.0]]])
    raised = np.asarray(make_semidefinite(jnp.asarray(matrix)))
    np.testing.assert_allclose(np.linalg.eigvalsh(raised[0]), [0.0, 4.0], atol=1e-12)
    np.testing.assert_array_equal(raised[1], matrix[1])
