"""Axes of length one are left out of arithmetic, and nothing else changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.traces.thin import thin

X = jnp.arange(1.0, 6.0)[:, None]
Y = jnp.array([[2.0]])


def sums(x, y):
    return jnp.sum(jnp.exp(x - y), axis=0), jnp.max(x * y, axis=(0, 1)), jnp.sum(y)


def products(x, y):
    return (x @ y).T @ x, jnp.einsum("bij,bjk->bik", x[None], y[None])


def broadcasts(x, y):
    return jnp.broadcast_to(y, (5, 1)) + x, jnp.where(y > 1.0, x, 0.0)[:, :, None], y * jnp.ones(3)


def nested(x, y):
    def step(total, row):
        return total + jnp.sum(row * y), jnp.log(row) + total

    return jax.lax.scan(step, jnp.zeros(()), x)


def own_rules(x, y):
    return jax.nn.softplus(x) * y, jax.scipy.special.logsumexp(x, axis=1), jnp.clip(x, 2.0, y)


def scalars(x, y):
    return x[0, 0] * 2.0, jnp.clip(x, 1.5, 3.0), jax.lax.select(y[0, 0] > 0, x, -x)


FUNCTIONS = [sums, products, broadcasts, nested, own_rules, scalars]


def rewritten(function):
    program = thin(jax.make_jaxpr(function)(X, Y))
    flat = jax.extend.core.jaxpr_as_fun(program)
    return lambda x, y: jax.tree.unflatten(jax.tree.structure(function(X, Y)), flat(x, y))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_values_and_derivatives_are_the_same(function):
    new = rewritten(function)
    total = [
        lambda x, y, f=f: sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(f(x, y)))
        for f in (function, new)
    ]
    jax.tree.map(np.testing.assert_array_equal, new(X, Y), function(X, Y))
    gradients = [jax.grad(f, (0, 1))(X, Y) for f in total]
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_arithmetic_has_no_such_axis():
    program = thin(jax.make_jaxpr(lambda x, y: jnp.sum(jnp.exp(x - y) ** 2, axis=0))(X, Y))
    arithmetic = [e for e in program.jaxpr.eqns if e.primitive.name not in ("reshape", "squeeze")]
    assert {e.primitive.name for e in arithmetic} >= {"exp", "reduce_sum", "sub"}
    assert all(1 not in v.aval.shape for e in arithmetic for v in e.outvars)
