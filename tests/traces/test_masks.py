"""Reads of small arrays: the same values, and derivatives without a scatter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

from jaxem.traces.bounds import CONSTANT, DATA, STATE
from jaxem.traces.masks import with_masks
from jaxem.traces.rewrite import mentions
from jaxem.traces.simplify import simplify

RNG = np.random.default_rng(0)
TABLE = jnp.asarray(RNG.normal(size=(4, 3, 5))).at[1, 2, 3].set(-jnp.inf).at[0, 0, 0].set(jnp.nan)


def masked(read, *args, last=STATE):
    kinds = [*[CONSTANT] * (len(args) - 2), STATE, last]
    return with_masks(simplify(jax.make_jaxpr(read)(*args)), kinds)


READS = {
    "one index": lambda t, i, j: t[i],
    "two indices": lambda t, i, j: t[i, :, j],
    "last axis": lambda t, i, j: t[..., j],
    "adjacent": lambda t, i, j: t[:, i, j],
    "apart, in front": lambda t, i, j: t[i, j],
    "vectors": lambda t, i, j: t[jnp.stack([i, j]), :, jnp.stack([j, i])],
    "a matrix of indices": lambda t, i, j: t[jnp.stack([i, j, i, j]).reshape(2, 2)],
    "middle vector": lambda t, i, j: t[:, jnp.stack([i, j])],
    "along an axis": lambda t, i, j: jnp.take_along_axis(
        t, jnp.broadcast_to(jnp.stack([i, j]), (4, 3, 2)), -1
    ),
    "filled": lambda t, i, j: t.at[i, :, j].get(mode="fill", fill_value=-7.0),
    "clipped": lambda t, i, j: t.at[i, :, j].get(mode="clip"),
    "taken": lambda t, i, j: jnp.take(t, jnp.stack([i, j]), axis=1),
    "sliced": lambda t, i, j: jax.lax.dynamic_slice(t, (i, 0, j), (1, 3, 1)),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("index", [(0, 0), (1, 2), (2, 1), (-1, 2), (9, 1), (1, -9)], ids=str)
def test_values_are_the_same(read, index):
    place = tuple(map(jnp.asarray, index))
    program = masked(read, TABLE, *place)
    assert not mentions(program.jaxpr, ["gather", "dynamic_slice"])
    (found,) = core.jaxpr_as_fun(program)(TABLE, *place)
    np.testing.assert_array_equal(found, read(TABLE, *place))


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_derivatives_are_the_same(read):
    finite, place = jnp.nan_to_num(TABLE, neginf=-3.0), (jnp.asarray(1), jnp.asarray(2))
    program = core.jaxpr_as_fun(masked(read, finite, *place))

    def of(function):
        return jax.grad(lambda t: jnp.sum(jnp.sin(function(t, *place))))

    np.testing.assert_array_equal(of(lambda *args: program(*args)[0])(finite), of(read)(finite))
    gradient = jax.make_jaxpr(of(lambda *args: program(*args)[0]))(finite)
    assert not mentions(gradient.jaxpr, ["scatter-add", "scatter", "dynamic_update_slice"])


def test_long_axes_and_integers_are_read_as_they_were():
    long, whole = jnp.zeros((100, 2)), jnp.arange(4)
    program = masked(lambda a, b, i: (a[i], b[i]), long, whole, jnp.asarray(1))
    assert sum(eqn.primitive.name in ("gather", "dynamic_slice") for eqn in program.eqns) == 2


@pytest.mark.parametrize("kind", [STATE, DATA])
def test_states_are_read_before_data(kind):
    table, place = jnp.zeros((3, 5, 4)), (jnp.asarray(1), jnp.asarray(2))
    program = masked(lambda t, i, j: t[j, i], table, *place, last=kind)
    sums = [e.invars[0].aval.shape for e in program.eqns if e.primitive.name == "reduce_sum"]
    assert sums == [(3, 5, 4), (1, 5, 4) if kind == STATE else (3, 1, 4)]


def test_data_that_would_sum_over_many_entries_are_read_as_they_were():
    table, place = jnp.zeros((20, 20)), (jnp.asarray(1), jnp.asarray(2))
    read = masked(lambda t, i, j: t[j, j], table, *place, last=DATA)
    assert mentions(read.jaxpr, ["gather"]) or mentions(read.jaxpr, ["dynamic_slice"])
    assert not mentions(masked(lambda t, i, j: t[j, j], table, *place).jaxpr, ["gather"])
