"""A function is run by Python once for every combination of shapes and types."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from jaxem.traces.traced import Traced


def counted():
    calls = []

    def function(params, x):
        calls.append(x.shape)
        return (params["a"] * x).sum() + params["b"]

    return Traced(function), calls


PARAMS = {"a": jnp.array([1.0, 2.0]), "b": jnp.array(3.0), "c": jnp.array(0.0)}


def test_once_for_a_shape_whatever_is_done_with_it():
    function, calls = counted()
    x = jnp.array([1.0, -1.0])
    for _ in range(3):
        np.testing.assert_allclose(function(PARAMS, x), 2.0)
    slope = jax.jit(jax.grad(lambda p: function(p, x)))(PARAMS)
    jax.jit(jax.vmap(lambda v: function(PARAMS, v)))(jnp.ones((5, 2)))
    jax.hessian(lambda p: function(p, x))(PARAMS)
    np.testing.assert_allclose(slope["a"], x)
    assert len(calls) == function.traces == 1


def test_again_for_another_shape_or_precision():
    function, calls = counted()
    function({**PARAMS, "a": jnp.array(1.0)}, jnp.ones(2))
    function(PARAMS, jnp.ones(2))
    function(PARAMS, jnp.ones(2, int))
    with jax.enable_x64(False):
        narrow = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), PARAMS)
        assert function(narrow, jnp.ones(2, jnp.float32)).dtype == jnp.float32
    assert function.traces == len(calls) == 4


def test_what_it_reads():
    function, _ = counted()
    assert function.reads(PARAMS, jnp.ones(2)) == [True, True, False, True]


def test_constants_of_numpy_are_in_the_precision_of_the_flag(float32):
    """NumPyro makes the scale an array of NumPy's, which JAX keeps as it first meets it."""
    normals = dist.Normal(jnp.zeros(2), 2.0)
    density = Traced(lambda x: normals.log_prob(x).sum())
    expected = -2 * np.log(2 * np.sqrt(2 * np.pi))
    with jax.enable_x64(True):
        np.testing.assert_allclose(density(jnp.zeros(2)), expected, rtol=1e-12)
    found = density(jnp.zeros(2, jnp.float32))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
