"""Acidity of lakes against mclust: one scale, two scales, three."""

import pytest

from . import acidity
from .compare import assert_same_up_to_labels


def check(fit, model, components):
    reference = acidity.reference(model, components)
    axes = {"weights": 0, "loc": 0} | ({"scale": 0} if model == "V" else {})
    expected = acidity.reference_log_likelihood(model, components)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected, abs=1e-4)
    assert_same_up_to_labels(fit.params, reference, axes, rtol=1e-4)


def test_common_scale_from_anywhere():
    check(acidity.common_scale().fit(restarts=10, key=0), "E", 2)


@pytest.mark.parametrize("components", [2, 3])
def test_own_scales_from_nearby(components):
    check(acidity.own_scales(components).fit(), "V", components)
