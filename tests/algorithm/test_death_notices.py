"""The classical slow example: EM needs 2516 steps to have 8 digits, and acceleration few dozen.

A step is an evaluation of the EM map, or of a gradient in the finish.
"""

import numpy as np
import pytest

import jaxem
from tests.cases.counts import death_notices
from tests.cases.published import case

REFERENCE = case("poisson_mix_death_notices")["reference"]
WAYS = {
    "squarem": ({"algorithm": jaxem.Squarem()}, 100, 150),
    "anderson": ({"algorithm": jaxem.Anderson()}, 40, 60),
    "finish": ({"finish": "newton"}, 40, 40),
    "both": ({"algorithm": jaxem.Anderson(), "finish": "newton"}, 40, 40),
}


@pytest.fixture(scope="module")
def declared():
    return death_notices()


@pytest.fixture(scope="module", params=WAYS)
def way(request, declared):
    """A fit, and how many evaluations it may take to come near, and to be sure."""
    options, near, sure = WAYS[request.param]
    return declared.fit(**options), near, sure


def test_few_evaluations_reach_eight_digits(way):
    fit, near, _ = way
    assert np.argmax(fit.trace > REFERENCE["loglik"] - 1e-8) <= near
    assert fit.trace[0] < REFERENCE["loglik"] - 1


def test_it_has_converged_to_the_optimum(way):
    fit, _, sure = way
    mle = REFERENCE["mle"]
    assert fit.converged and fit.steps == len(fit.trace) - 1 <= sure
    assert fit.objective == pytest.approx(REFERENCE["loglik"], abs=1e-9)
    np.testing.assert_allclose(fit.params["weights"][0], mle["pi"], atol=1e-5)
    np.testing.assert_allclose(fit.params["rate"], [mle["lambda1"], mle["lambda2"]], atol=1e-5)


def test_the_objective_never_falls(way):
    fit, *_ = way
    assert np.all(np.diff(fit.trace) > -1e-11)


@pytest.mark.parametrize("steps", [3, 11, 15, 26])
@pytest.mark.parametrize("name", ["anderson", "finish"])
def test_a_limit_counts_every_evaluation(declared, name, steps):
    """Those of extrapolations that were refused, and those that a finish may not take any more."""
    fit = declared.fit(**WAYS[name][0], max_steps=steps, tolerance=0)
    assert fit.steps == steps == len(fit.trace) - 1
    assert fit.status == jaxem.Status.STEP_LIMIT
    value = fit.model.log_likelihood(fit.params, declared.data, declared.weights)
    np.testing.assert_allclose(fit.objective, value, rtol=1e-13)
