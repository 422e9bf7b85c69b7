"""Integer weights are repeated rows, and a row of weight zero is not there."""

import jax
import numpy as np
import pytest


@pytest.fixture(scope="session")
def tables(study):
    """Half of the rows, some repeated; and the same by weights, the other half weighing nothing.

    Both have as many rows as the data, so that they share the compiled program.
    """
    rng = np.random.default_rng(0)
    count = len(study.row_weights)
    order = rng.permutation(count)
    kept = count // 2
    times = 1 + rng.multinomial(count - kept, np.full(kept, 1 / kept))
    repeated = order[np.repeat(np.arange(kept), times)]
    weights = study.row_weights[order] * np.concatenate([times, np.zeros(count - kept)])
    return (
        (take(study, repeated), study.row_weights[repeated]),
        (take(study, order), weights),
    )


def take(study, rows):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[rows], study.case.data)


def test_a_weight_is_so_many_rows(study, tables):
    repeated, weighted = (study.few_steps(data=d, weights=w) for d, w in tables)
    np.testing.assert_allclose(weighted.trace, repeated.trace, rtol=1e-10)
    np.testing.assert_allclose(weighted.log_likelihood, repeated.log_likelihood, rtol=1e-10)
    expected = study.model.flatten(repeated.params)
    for name, value in study.model.flatten(weighted.params).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-7, atol=1e-9, err_msg=name)
