"""Indices past the end of an array, which JAX lets pass."""

import jax
import jax.numpy as jnp
import pytest

from jaxem.numerics.traced import Traced

TABLE = jnp.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("function", "index", "beyond"),
    [
        (lambda i: TABLE[0, i], 2, False),
        (lambda i: TABLE[0, i], 3, True),
        (lambda i: TABLE[i].sum(), 1, False),
        (lambda i: TABLE[i].sum(), 2, True),
        (lambda i: TABLE[jnp.arange(2), i].sum(), 2, False),
        (lambda i: TABLE[jnp.arange(2), i].sum(), 3, True),
        (lambda i: jax.jit(lambda j: TABLE[1, j])(i), 3, True),
        (lambda i: TABLE[0, -i], 3, False),
        (lambda i: TABLE[0, jnp.clip(i, 0, 2)], 7, False),
    ],
)
def test_an_index_out_of_range_is_found(function, index, beyond):
    assert bool(Traced(function).overruns(jnp.asarray(index))) is beyond
