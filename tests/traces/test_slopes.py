"""Gradients that are replayed are those of JAX, to every order, and are traced once a shape."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.traces.slopes import Slopes

CALLS = []


def total(values, rows, weights):
    CALLS.append(None)
    return (weights * jnp.sin(values["a"] * rows[:, None] + values["b"])).sum()


ROWS = np.arange(5)
WEIGHTS = np.random.default_rng(0).normal(size=(5, 3))
VALUES = {"a": np.array([0.3, -1.0, 2.0]), "b": np.array(0.7)}


def derivatives(function):
    """Value, gradient and Hessian in all values, the gradient in one, and that in the weights."""
    whole = jax.value_and_grad(function)(VALUES, ROWS, WEIGHTS)
    bent = jax.jacfwd(jax.grad(function))(VALUES, ROWS, WEIGHTS)
    alone = jax.grad(lambda a: function({**VALUES, "a": a}, ROWS, WEIGHTS))(VALUES["a"])
    others = jax.grad(function, argnums=2)(VALUES, ROWS, WEIGHTS)
    pushed = jax.jvp(lambda a: function({**VALUES, "a": a}, ROWS, WEIGHTS), [alone], [alone])
    return jax.tree.leaves((whole, bent, alone, others, pushed))


def test_derivatives_are_those_of_jax():
    found, expected = derivatives(Slopes(total)), derivatives(total)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_a_batch_is_replayed():
    slopes, stacked = Slopes(total), jnp.stack([VALUES["a"], 2 * VALUES["a"]])

    def along(function):
        one = jax.grad(lambda a: function({**VALUES, "a": a}, ROWS, WEIGHTS))
        return jax.jit(jax.vmap(one))(stacked)

    np.testing.assert_allclose(along(slopes), along(total), rtol=1e-12)


def test_it_is_traced_once_a_shape():
    slopes = Slopes(total)
    gradient = jax.grad(slopes)
    gradient(VALUES, ROWS, WEIGHTS)
    CALLS.clear()
    gradient({"a": 2 * VALUES["a"], "b": VALUES["b"]}, ROWS, WEIGHTS)
    assert not CALLS
    gradient(VALUES, ROWS[:3], WEIGHTS[:3])
    assert CALLS


@pytest.mark.parametrize("at", [0.0, np.inf])
def test_what_has_no_weight_does_not_count(at):
    """A derivative that is infinite, along a direction that does not move."""
    slopes = Slopes(lambda values, x: jnp.sqrt(values["a"]).sum() * x)
    _, moved = jax.jvp(
        lambda a: slopes({"a": a}, 1.0), [jnp.array([at, 4.0])], [jnp.array([0.0, 1.0])]
    )
    np.testing.assert_allclose(moved, 0.25)
