"""Logarithms repaired at structural zeros, wherever a program hides them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import xlogy

from jaxem.traces.zeros import repair

HALF = jnp.array([0.0, 0.5, 2.0])


def repaired(function, *args):
    """The function as `repair` leaves it."""
    program = repair(jax.make_jaxpr(function)(*args))
    return lambda *values: jax.extend.core.jaxpr_as_fun(program)(*values)[0]


def plain(x):
    return (jnp.log(x) * jnp.array([0.0, 1.0, 1.0])).at[0].set(0.0).sum()


def jitted(x):
    return jax.jit(jnp.log)(x)[1:].sum() + jnp.where(x[0] > 0, jax.jit(jnp.log)(x)[0], 0.0)


def scanned(x):
    def step(total, value):
        return total + jnp.where(value > 0, jnp.log(value), 0.0), None

    return jax.lax.scan(step, 0.0, x)[0]


def looped(x):
    return jax.lax.fori_loop(0, 3, lambda i, t: t + jnp.where(x[i] > 0, jnp.log(x[i]), 0.0), 0.0)


def branched(x):
    return jax.lax.cond(
        x[1] > 0, lambda v: jnp.where(v > 0, jnp.log(v), 0.0).sum(), lambda v: v.sum(), x
    )


def mapped(x):
    return jax.vmap(lambda v: jnp.where(v > 0, jnp.log(v), 0.0))(x).sum()


def remembered(x):
    return jax.checkpoint(lambda v: jnp.where(v > 0, jnp.log(v), 0.0).sum())(x)


def of_a_product(x):
    """The case that no mask outside the logarithm can cure."""
    return jnp.where(x > 0, jnp.log(x * jnp.array([0.0, 1.0, 1.0])), 0.0).sum()


def by_a_library(x):
    return xlogy(jnp.array([0.0, 1.0, 1.0]), x).sum()


PROGRAMS = [
    plain,
    jitted,
    scanned,
    looped,
    branched,
    mapped,
    remembered,
    of_a_product,
    by_a_library,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_a_zero_has_no_slope_and_the_rest_has_its_own(program):
    function = repaired(program, HALF)
    np.testing.assert_allclose(function(HALF), program(HALF))
    np.testing.assert_allclose(jax.grad(function)(HALF), [0.0, 2.0, 0.5])
    pushed = jax.jvp(function, (HALF,), (jnp.ones(3),))[1]
    np.testing.assert_allclose(pushed, 2.5)
    np.testing.assert_allclose(jax.hessian(function)(HALF), np.diag([0.0, -4.0, -0.25]), atol=1e-14)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_under_jit_and_vmap(program):
    function = jax.jit(jax.vmap(jax.grad(repaired(program, HALF))))
    points = jnp.stack([HALF, HALF + 1.0])
    np.testing.assert_allclose(function(points)[0], [0.0, 2.0, 0.5])


def test_log1p_at_minus_one():
    function = repaired(lambda x: jnp.where(x < 1, jnp.log1p(-x), 0.0).sum(), jnp.ones(2))
    point = jnp.array([1.0, 0.5])
    np.testing.assert_allclose(jax.grad(function)(point), [0.0, -2.0])
    impossible = repaired(lambda x: jnp.log1p(-x).sum(), jnp.ones(2))
    assert impossible(point) == -np.inf


def test_values_are_untouched():
    function = repaired(jnp.log, HALF)
    np.testing.assert_array_equal(function(jnp.array([0.0, 1.0, -1.0])), [-np.inf, 0.0, np.nan])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.logaddexp(x[0], x[1]),
        lambda x: jax.nn.logsumexp(x),
        lambda x: jax.nn.softplus(x[0]) * x[1],
        lambda x: jax.nn.log_softmax(x)[1],
        lambda x: jax.scipy.special.gammaln(x[0]) * jax.nn.relu(x[1]),
        lambda x: jnp.abs(x[0]) + jnp.log(x[1] + 3.0),
    ],
)
@pytest.mark.parametrize("point", [[0.7, -0.4], [1.5, 1.5], [0.5, 0.0]])
def test_functions_with_their_own_rules_keep_them(function, point):
    """Equal arguments are where the textbook derivative of logaddexp is 0/0."""
    point = jnp.array(point)
    mended = repaired(function, point)
    np.testing.assert_allclose(mended(point), function(point))
    np.testing.assert_allclose(jax.grad(mended)(point), jax.grad(function)(point))
    np.testing.assert_allclose(jax.hessian(mended)(point), jax.hessian(function)(point))


def test_what_nothing_reads_is_dropped():
    def wasteful(x):
        jnp.linalg.inv(jnp.outer(x, x))
        return x.sum()

    program = repair(jax.make_jaxpr(wasteful)(HALF))
    assert len(program.jaxpr.eqns) == 1
