"""States have no names: other labels at the start are other labels at the end, and no more."""

import pytest

from .models import those_with


@pytest.mark.parametrize("study", those_with("labels"), indirect=True)
def test_permuted_labels_permute_the_answer(study):
    study.assert_same(study.relabel(study.lane(study.short, 1), -1), study.lane(study.short, 0))
    study.assert_same_trace(study.short.restarts.traces[1], study.short.restarts.traces[0])
