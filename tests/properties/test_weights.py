"""Integer weights are repeated rows, and a row of weight zero is not there."""

import jax
import numpy as np


def test_a_weight_is_so_many_rows_and_zero_is_none(study):
    """Half of the rows, some repeated; and the same by weights, the other half weighing nothing."""
    rng = np.random.default_rng(0)
    count = len(study.row_weights)
    order, kept = rng.permutation(count), count // 2
    times = 1 + rng.multinomial(count - kept, np.full(kept, 1 / kept))
    again = order[np.repeat(np.arange(kept), times)]
    weights = study.row_weights[order] * np.concatenate([times, np.zeros(count - kept)])

    repeated = study.steps(data=_take(study, again), weights=study.row_weights[again])
    weighted = study.steps(data=_take(study, order), weights=weights)
    study.assert_same_trace(weighted.restarts.traces[0], repeated.restarts.traces[0])
    study.assert_same(study.lane(weighted), study.lane(repeated))


def _take(study, rows):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[rows], study.case.data)
