"""A start among others goes where it goes alone."""

import pytest

import jaxem

#: One more program to compile each: a model of every kind has to do.
SOME = [
    "gaussian full",
    "gaussian hierarchical",
    "blood groups",
    "zero-inflated",
    "student",
]


@pytest.mark.parametrize("study", SOME, indirect=True)
def test_a_batched_start_is_a_single_one(study):
    case = study.case
    alone = jaxem.fit(
        case.model, case.data, weights=case.weights, init=case.start, tolerance=0, max_steps=6
    )
    study.assert_same_trace(study.short.restarts.traces[0], alone.trace)
    study.assert_same(study.lane(study.short), study.lane(alone))
    assert study.short.restarts.status[0] == alone.status
