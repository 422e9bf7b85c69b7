"""Rows in blocks are the same rows."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.estep import Exact
from jaxem.estep.batch import Batch
from jaxem.estep.expectation import take_expectation
from jaxem.model.check import prepare_data
from jaxem.numerics.rows import in_blocks


def test_a_batch_in_blocks_is_the_whole(study):
    """Seven blocks, the last one filled up, with and without kept responsibilities."""
    data, count = prepare_data(study.case.data), len(study.row_weights)
    whole, cut = (
        jax.tree.map(jnp.asarray, Batch(*in_blocks(data, study.row_weights, size)))
        for size in (count, -(-count // 7) if count >= 7 else 3)
    )

    def look(values, batch, keep):
        evidence, q = take_expectation(study.model, Exact(), values, batch, keep)
        moved = {k: 1.01 * v for k, v in values.items()}
        return evidence, *jax.value_and_grad(q)(moved), q.responsibilities()

    def looks(values):
        return [look(values, whole, True), look(values, cut, True), look(values, cut, False)]

    expected, *others = jax.tree.map(np.asarray, jax.jit(looks)(study.start))
    for found in others:
        found = (*found[:3], found[3][:count])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9), found, expected)
