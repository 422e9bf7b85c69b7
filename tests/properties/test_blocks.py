"""Rows in blocks are the same rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.estep import Exact
from jaxem.estep.batch import Batch
from jaxem.estep.source import Direct
from jaxem.model.check import prepare_data
from jaxem.numerics.rows import in_blocks

#: One more program to compile each: a model of every kind has to do.
SOME = [
    "gaussian full",
    "gaussian hierarchical",
    "gaussian semi-supervised",
    "blood groups",
    "documents",
    "raters",
    "gamma",
    "zero-inflated",
]


@pytest.mark.parametrize("study", SOME, indirect=True)
def test_a_batch_in_blocks_is_the_whole(study):
    """Several blocks, the last one filled up; responsibilities made again for every use."""
    data, count = prepare_data(study.case.data), len(study.row_weights)
    batch = Batch(*jax.tree.map(jnp.asarray, in_blocks(data, study.row_weights, count // 3 + 1)))

    def look(values):
        evidence, *_, q = Direct(batch, keep=False).expect(study.model, Exact(), values)
        return evidence, jax.grad(q)(values), q.responsibilities()

    evidence, slope, responsibilities = jax.tree.map(np.asarray, jax.jit(look)(study.start))
    whole = study.at_start
    np.testing.assert_allclose(evidence, study.row_weights @ whole.evidence, rtol=1e-12)
    np.testing.assert_allclose(
        responsibilities[:count], study.responsibilities, rtol=1e-10, atol=1e-14
    )
    assert np.all(responsibilities[count:] == 0)
    largest = max(np.abs(g).max() for g in whole.expected_slope.values())
    for name, value in whole.expected_slope.items():
        np.testing.assert_allclose(slope[name], value, rtol=0, atol=1e-11 * largest, err_msg=name)
