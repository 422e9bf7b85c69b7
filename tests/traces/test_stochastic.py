"""Random rounding shows what of a result is rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.traces.stochastic import may_cancel, with_random_rounding

EPS = float(np.finfo(float).eps)


def normal(loc, x):
    return -0.5 * (x - loc) ** 2


def truncated(loc, x):
    below = jax.scipy.stats.norm.cdf(0.0 - loc)
    return normal(loc, x) - jnp.log(jax.scipy.stats.norm.cdf(9.0 - loc) - below)


def zero_truncated(rate, x):
    return x * jnp.log(rate) - rate - jnp.log(1 - jnp.exp(-rate))


def spread(function, *args):
    noisy = with_random_rounding(function, EPS)
    found = [float(noisy(jnp.asarray(seed), *args)) for seed in range(8)]
    return np.ptp(found) if np.isfinite(found).all() else np.inf


@pytest.mark.parametrize(
    ("function", "may"), [(normal, False), (truncated, True), (zero_truncated, True)]
)
def test_logarithms_of_differences_are_noticed(function, may):
    program = jax.make_jaxpr(function)(jnp.asarray(1.0), jnp.asarray(2.0))
    assert may_cancel(program.jaxpr) == may


@pytest.mark.parametrize(
    ("function", "where", "sound"),
    [
        (truncated, 1.0, True),
        (truncated, 12.0, True),
        (truncated, -8.2, False),
        (zero_truncated, 1e-3, True),
        (zero_truncated, 3e-16, False),
        (normal, 1e8, True),
    ],
)
def test_only_what_has_cancelled_changes(function, where, sound):
    found = spread(function, jnp.asarray(where), jnp.asarray(where + 1.0))
    assert (found < 1e-6) == sound
    assert sound or found > 0.1


def test_operations_that_are_exact_are_left_alone():
    noisy = with_random_rounding(lambda x: jnp.where(x > 0, -jnp.abs(x), x)[::-1], EPS)
    x = jnp.linspace(-1.0, 1.0, 7)
    np.testing.assert_array_equal(noisy(jnp.asarray(3), x), jnp.where(x > 0, -jnp.abs(x), x)[::-1])


def looped(x):
    """A difference of two sums that a loop makes."""
    total, _ = jax.lax.scan(lambda c, y: (c + y, None), 0.0, x * jnp.ones(5))
    return jnp.log(total - 4.999999999999999 * x)


def test_a_loop_is_rounded_as_one_result():
    noisy = with_random_rounding(looped, EPS)
    for run in (jax.vmap(noisy, (0, None)), jax.jit(jax.vmap(noisy, (0, None)))):
        values = np.asarray(run(jnp.arange(8), 1.0))
        assert not np.isfinite(values).all() or np.ptp(values) > 0.1
