"""Least squares with absolute values: optimal by their own conditions, zeros to the last bit."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.numerics.lasso import lasso
from jaxem.numerics.symmetric import make_semidefinite

BLOCKS, SIZE = 6, 5
SOLVE = jax.jit(lasso)


def problems(apart=1e-3):
    """Nearly collinear columns in most blocks; in the last, fewer rows than columns."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(BLOCKS, 40, SIZE))
    rows[:, :, 1] = rows[:, :, 0] + apart * rows[:, :, 1]
    rows[-1, 3:] = 0
    matrix = np.einsum("bni,bnj->bij", rows, rows)
    start = rng.normal(size=(BLOCKS, SIZE))
    gradient = np.einsum("bij,bj->bi", matrix, rng.normal(size=(BLOCKS, SIZE)) - start)
    centre = np.where(np.arange(SIZE) == 2, 0.25, 0.0) * np.ones((BLOCKS, 1))
    strength = np.where(np.arange(SIZE) == 3, 0.0, 10.0 ** rng.uniform(0, 3, (BLOCKS, 1)))
    return matrix, gradient, start, centre, strength


def excess(x, given):
    """How far each block is from the conditions of a maximum, in units of its gradient."""
    matrix, gradient, start, centre, strength = given
    x = np.asarray(x)
    slope = gradient - np.einsum("bij,bj->bi", matrix, x - start)
    rests = (x == centre) & (strength > 0)
    left = np.where(
        rests, np.maximum(np.abs(slope) - strength, 0), slope - strength * np.sign(x - centre)
    )
    return rests, np.abs(left).max(1) / np.abs(gradient).max(1)


def test_it_meets_the_conditions_of_a_maximum():
    rests, left = excess(SOLVE(*problems()), problems())
    assert 3 < rests.sum() < rests.size - BLOCKS
    assert np.all(left < 1e-11)


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
    given = [leaf.astype(np.float32) for leaf in problems(apart=0.1)]
    x = SOLVE(*given)
    rests, left = excess(x, given)
    assert x.dtype == np.float32 and rests.sum() > 3
    assert np.all(left < 1e-5)


def test_a_matrix_is_raised_by_what_it_lacks():
    matrix = np.array([[[1.0, 2.0], [2.0, 1.0]], [[2.0, 1.0], [1.0, 2.0]]])
    raised = np.asarray(make_semidefinite(jnp.asarray(matrix)))
    np.testing.assert_allclose(np.linalg.eigvalsh(raised[0]), [0.0, 4.0], atol=1e-12)
    np.testing.assert_array_equal(raised[1], matrix[1])
