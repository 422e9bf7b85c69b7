"""A start among others goes where it goes alone."""

import numpy as np


def test_a_batched_start_is_a_single_one(study):
    pair, short = study.pair.restarts, study.short
    np.testing.assert_allclose(pair.traces[0], short.trace, rtol=1e-12)
    assert pair.status[0] == short.status
    alone = study.model.flatten(short.params)
    for name, value in study.model.flatten(pair.params).items():
        np.testing.assert_allclose(value[0], alone[name], rtol=1e-7, atol=1e-9, err_msg=name)
