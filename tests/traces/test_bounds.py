"""Indices past the end of an array, or counted from it, which JAX lets pass."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.traces.bounds import BEYOND, NEGATIVE, Reads
from jaxem.traces.traced import Traced

TABLE = jnp.arange(6.0).reshape(2, 3)


def flagged(function, state, index):
    traced = Traced(lambda params, z, x: function(z, x))
    args = jnp.zeros(()), jnp.asarray(state), jnp.asarray(index)
    reads = traced.indexed(*args)
    both = reads.otherwise(*args)
    flags = np.asarray(reads.flags(*args))[: len(reads.all)]
    return int(np.bitwise_or.reduce(flags, initial=0)), bool(both[0] != both[1])


@pytest.mark.parametrize(
    ("function", "state", "index", "flag", "matters"),
    [
        (lambda z, x: TABLE[0, x], 0, 2, 0, False),
        (lambda z, x: TABLE[0, x], 0, 3, BEYOND, True),
        (lambda z, x: TABLE[x].sum(), 0, 1, 0, False),
        (lambda z, x: TABLE[x].sum(), 0, 2, BEYOND, True),
        (lambda z, x: TABLE[z].sum() + x, 2, 0, BEYOND, True),
        (lambda z, x: TABLE[jnp.arange(2), x].sum(), 0, 2, 0, False),
        (lambda z, x: TABLE[jnp.arange(2), x].sum(), 0, 3, BEYOND, True),
        (lambda z, x: TABLE[z, jnp.stack([x, 0 * x])].sum(), 1, 3, BEYOND, True),
        (lambda z, x: jax.jit(lambda j: TABLE[1, j])(x), 0, 3, BEYOND, True),
        (lambda z, x: jnp.take(TABLE[z], x), 0, 3, BEYOND, True),
        (lambda z, x: TABLE.at[z, x].get(mode="fill", fill_value=1.0), 0, 3, 0, False),
        (lambda z, x: TABLE[0, jnp.clip(x, 0, 2)], 0, 7, 0, False),
        # what is not used may be read anywhere
        (lambda z, x: jnp.where(x < 3, TABLE[z, x], 0.0), 1, 3, BEYOND, False),
        (lambda z, x: (x < 3) * TABLE[z, x], 1, 3, BEYOND, False),
        (lambda z, x: jnp.where(z < 2, TABLE[z, x], 0.0), 2, 1, BEYOND, False),
        # a state may count from the end, a datum may not
        (lambda z, x: TABLE[z - 1, x], 0, 1, 0, False),
        (lambda z, x: TABLE[z, x], 0, -1, NEGATIVE, True),
        (lambda z, x: TABLE[z][x], 0, -2, NEGATIVE, True),
        (lambda z, x: TABLE[z, x - 1], 0, 0, NEGATIVE, True),
        (lambda z, x: TABLE[z, jnp.stack([x, x + 1])].sum(), 0, -1, NEGATIVE, True),
        (lambda z, x: jnp.take(TABLE[z], x), 0, -1, NEGATIVE, True),
        (lambda z, x: jnp.where(x >= 0, TABLE[z, x], 0.0), 0, -1, NEGATIVE, False),
    ],
)
def test_an_index_out_of_range_is_found(function, state, index, flag, matters):
    assert flagged(function, state, index) == (flag, matters)


def test_what_an_array_is_read_by_is_told():
    def function(params, z, x):
        return params[z, x] + jnp.log(params)[z, 0]

    traced = Traced(function)
    reads = traced.indexed(TABLE, jnp.asarray(1), jnp.asarray(2))
    assert isinstance(reads, Reads) and reads.by_data and reads.avoids(0)
    assert [(r.shape, r.axes) for r in reads.all] == [
        ((2, 3), {0: 1, 1: 2}),
        ((2, 3), {0: 1, 1: 0}),
    ]
    whole = Traced(lambda params, z, x: params[z, x] + params.sum())
    assert not whole.indexed(TABLE, jnp.asarray(1), jnp.asarray(2)).avoids(0)
