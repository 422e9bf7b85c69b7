"""Programs that compute the same have one meaning, and those that do not have another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.traces.meaning import meaning

TABLE = np.arange(6.0).reshape(2, 3)


def with_rule(factor):
    """A sine whose derivative is told to be so many times the tangent."""
    function = jax.custom_jvp(jnp.sin)
    function.defjvp(lambda x, t: (jnp.sin(x[0]), factor * t[0]))
    return function


def with_pullback(factor):
    function = jax.custom_vjp(jnp.sin)
    function.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (factor * g * x,))
    return function


def with_second_rule(factor):
    """Two functions whose values and slopes are the same, and whose curvatures are not."""
    slope = with_rule(factor)
    function = jax.custom_jvp(jnp.cos)
    function.defjvp(lambda x, t: (jnp.cos(x[0]), slope(x[0]) * t[0]))
    return function


def branch(factor):
    return lambda x: jax.lax.cond(x > 0, lambda y: factor * y, lambda y: y**2, x)


def loop(factor):
    return lambda x: jax.lax.fori_loop(0, 4, lambda _, y: jnp.exp(factor * y), x)


def table(factor):
    constant = TABLE + 1e-13 * factor
    return lambda x: (constant * x).sum()


MAKERS = {
    "a rule": with_rule,
    "a pullback": with_pullback,
    "a rule of a rule": with_second_rule,
    "a branch": branch,
    "a loop": loop,
    "a constant": table,
    "a literal": lambda factor: lambda x: factor * x,
    "a power": lambda factor: lambda x: x ** int(factor),
    "an order": lambda factor: lambda x: x / factor if factor > 2 else factor / x,
}


def meant(function, *args):
    return meaning(jax.make_jaxpr(function)(*args))


@pytest.mark.parametrize("name", MAKERS)
def test_what_computes_the_same_means_the_same(name):
    make = MAKERS[name]
    assert meant(make(3.0), 1.0) == meant(make(3.0), 1.0) is not None
    assert meant(make(3.0), 1.0) != meant(make(2.0), 1.0)


def test_shapes_and_precision_are_part_of_it():
    found = {meant(jnp.sum, np.zeros(shape, kind)) for shape in (3, 4) for kind in ("f4", "f8")}
    assert len(found) == 4


def test_operands_are_told_apart():
    assert meant(lambda a, b: a - b, 1.0, 2.0) != meant(lambda a, b: b - a, 1.0, 2.0)


def test_what_cannot_be_compared_is_shared_with_nobody():
    def answer(x):
        return jax.pure_callback(lambda y: np.sin(y), jax.ShapeDtypeStruct((), x.dtype), x)

    assert meant(answer, jnp.float64(1.0)) is None
