"""A start among others goes where it goes alone."""

import pytest

import jaxem

SOME = ("full", "conjugate", "coins", "blood", "documents", "zero", "student", "laplace")


def test_a_batched_start_is_a_single_one(study, request):
    name = request.node.callspec.id
    if not any(part in name for part in SOME):
        pytest.skip("one more program to compile; eight models have theirs")
    case = study.case
    alone = jaxem.fit(
        case.model, case.data, weights=case.weights, init=case.start, tolerance=0, max_steps=6
    )
    study.assert_same_trace(study.short.restarts.traces[0], alone.trace)
    study.assert_same(study.lane(study.short), study.lane(alone))
    assert study.short.restarts.status[0] == alone.status
