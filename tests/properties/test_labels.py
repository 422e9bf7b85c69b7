"""States have no names: other labels at the start are other labels at the end, and no more."""

import numpy as np
import pytest


def test_permuted_labels_permute_the_answer(study):
    if not study.case.labels:
        pytest.skip("the states of this model are not interchangeable")
    first, second = (
        {k: v[i] for k, v in study.model.flatten(study.pair.restarts.params).items()}
        for i in range(2)
    )
    moved_back = study.relabel(second, -1)
    for name, value in first.items():
        np.testing.assert_allclose(moved_back[name], value, rtol=1e-7, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(*study.pair.restarts.objective, rtol=1e-12)
