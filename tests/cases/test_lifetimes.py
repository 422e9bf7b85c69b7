"""Weibull mixtures: the shape has no closed form, and is climbed to by Newton."""

import pytest

from . import lifetimes
from .compare import assert_same
from .published import case


def test_geyser_waiting():
    reference = case("weibull_mixture_geyser_waiting")["reference"]
    fit = lifetimes.geyser_waiting().fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-4)
    mle = reference["mle"]
    expected = {"weights": mle["pro"], "shape": mle["shape"], "scale": mle["scale"]}
    assert_same(fit.params, expected, rtol=1e-3)
