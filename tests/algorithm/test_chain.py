"""A chain is accelerated like anything else."""

import numpy as np
import pytest

import jaxem
from tests.cases.chains import earthquakes

WAYS = {
    "squarem": {"algorithm": jaxem.Squarem()},
    "anderson": {"algorithm": jaxem.Anderson()},
    "finish": {"finish": "newton"},
}


@pytest.fixture(scope="module")
def declared():
    return earthquakes()


@pytest.fixture(scope="module")
def plain(declared):
    return declared.fit()


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_the_same_optimum_sooner(declared, plain, way):
    fit = declared.fit(**WAYS[way])
    assert fit.converged and fit.steps < plain.steps
    assert fit.objective == pytest.approx(plain.objective, abs=1e-8)
    np.testing.assert_allclose(fit.params["rate"], plain.params["rate"], rtol=1e-5)
    assert np.all(np.diff(fit.trace) > -1e-11)
