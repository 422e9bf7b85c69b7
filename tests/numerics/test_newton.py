"""Newton's method for a dense Hessian: where it arrives, and what it says where it does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.numerics.newton import climb

START = np.array([-1.2, 1.0])


def find(function, start):
    return jax.jit(lambda u: climb(function, u))(jnp.asarray(start, float))


def test_a_quadratic_is_solved_and_its_curvature_is_known():
    matrix = jnp.array([[2.0, 0.5], [0.5, 1.0]])
    top = find(lambda u: -(u - 3) @ matrix @ (u - 3) / 2, START)
    np.testing.assert_allclose(top.u, [3.0, 3.0])
    np.testing.assert_allclose(top.hessian, -matrix)
    assert top.reached and top.is_peak and abs(top.value) < 1e-20


def test_a_curved_ridge_is_followed_to_its_top():
    top = find(lambda u: -((1 - u[0]) ** 2) - 100 * (u[1] - u[0] ** 2) ** 2, START)
    np.testing.assert_allclose(top.u, [1.0, 1.0])
    assert top.reached and top.is_peak


def test_wrong_curvature_at_the_start_is_climbed():
    top = find(lambda u: jnp.cos(u[0]) - u[1] ** 2 / 2, [2.0, 1.0])
    np.testing.assert_allclose(top.u, [0.0, 0.0], atol=1e-12)
    assert top.reached and top.is_peak


def test_a_flat_direction_is_left_alone_and_told():
    top = find(lambda u: -((u.sum() - 1) ** 2), START)
    np.testing.assert_allclose(top.u, START + (1 - START.sum()) / 2)
    assert top.reached and not top.is_peak


@pytest.mark.parametrize("function", [jnp.sum, lambda u: jnp.exp(u[0]) + u[1] - u[1] ** 2])
def test_where_there_is_no_maximum_there_is_no_peak(function):
    assert not find(function, START).is_peak


def test_a_function_that_is_no_number_is_not_climbed():
    assert not find(lambda u: jnp.log(-(u**2)).sum(), START).reached
