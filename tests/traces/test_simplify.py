"""Traces without what is computed twice or known already: equal values, fewer equations."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.extend import core

from jaxem.traces.simplify import simplify

P = jnp.asarray([0.2, 0.0, 0.8])


def _twice(x, i):
    return jnp.log(x) * jnp.exp(i) + jnp.log(x) / jnp.exp(i)


def _wrapped(x, i):
    return x[i] + x[jnp.asarray(-1)]


def _whole(x, i):
    return jnp.where(i % 1 == 0, x, 2 * x)


def _chain(x, i):
    return jnp.squeeze(x[None, :, None].reshape(1, 1, -1)) + i


def _choice(x, i):
    return jnp.where((jnp.asarray(3) > 2) & (i > 0), x, -x)


def _loop(x, i):
    return jax.lax.fori_loop(0, 3, lambda k, total: total + jnp.log1p(x) * k, jnp.zeros(3)) + i


def _category(x, i):
    return dist.CategoricalProbs(x, validate_args=True).log_prob(i)


FUNCTIONS = [_twice, _wrapped, _whole, _chain, _choice, _loop, _category]


@pytest.mark.filterwarnings("ignore:Out-of-support")
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("index", [0, 1, 2, -1, 7])
def test_values_are_the_same(function, index):
    program = simplify(jax.make_jaxpr(function)(P, jnp.asarray(index)))
    (found,) = core.jaxpr_as_fun(program)(P, jnp.asarray(index))
    expected = function(P, jnp.asarray(index))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def _names(function, *args):
    return [eqn.primitive.name for eqn in simplify(jax.make_jaxpr(function)(*args)).eqns]


def test_nothing_is_computed_twice():
    names = _names(_twice, P, jnp.asarray(1.0))
    assert names.count("log") == 1 and names.count("exp") == 1


def test_what_is_known_is_not_computed():
    assert "rem" not in _names(_whole, P, jnp.asarray(1))
    assert _names(_choice, P, jnp.asarray(1)).count("and") == 0


def test_a_chain_of_shapes_is_one():
    assert _names(lambda x: jnp.squeeze(x[None, :, None].reshape(1, 1, -1)), P) == []


def test_random_numbers_with_one_key_are_drawn_once():
    def two(key):
        return jax.random.normal(key) - jax.random.normal(key)

    assert core.jaxpr_as_fun(simplify(jax.make_jaxpr(two)(jax.random.key(0))))(
        jax.random.key(0)
    ) == [0]


def test_whole_numbers_wrap_round():
    def over(x):
        return x + (jnp.asarray(2**31 - 1, jnp.int32) + jnp.asarray(1, jnp.int32))

    x = jnp.zeros((), jnp.int32)
    assert core.jaxpr_as_fun(simplify(jax.make_jaxpr(over)(x)))(x) == [over(x)]


def test_one_value_of_two_precisions_is_two():
    def both(x):
        ones = [jnp.broadcast_to(jnp.asarray(1.0, kind), (3,)) for kind in ("float32", "float64")]
        return ones[0] + x.astype("float32"), ones[1] + x

    x = jnp.zeros(3)
    found = core.jaxpr_as_fun(simplify(jax.make_jaxpr(both)(x)))(x)
    assert [leaf.dtype for leaf in found] == [np.float32, np.float64]
