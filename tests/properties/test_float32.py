"""Single precision finds the same answers, as well as it can tell them apart."""

import jax
import numpy as np
import pytest

from .models import MODELS
from .study import Study, study_of

SOME = ["gaussian full", "blood groups", "poisson", "zero-inflated"]
ULP = float(np.finfo(np.float32).eps)


@pytest.fixture(scope="module", params=SOME, ids=lambda name: name.replace(" ", "-"))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def narrow(name):
    """A study of the model, declared and fitted in single precision, and its rows."""
    with jax.enable_x64(False):
        study = Study(MODELS[name]())
        rows = jax.tree.map(_narrow, study.case.data)
        yield study, rows, study.fit(data=rows, weights=study.case.weights)


def _narrow(leaf):
    return leaf.astype(np.float32) if leaf.dtype == np.float64 else leaf


def test_everything_is_in_single_precision(narrow):
    _, _, fit = narrow
    leaves = [*jax.tree.leaves(fit.params), fit.trace, fit.restarts.objective]
    assert {np.asarray(leaf).dtype for leaf in leaves} == {np.dtype(np.float32)}


def test_the_objective_never_falls_by_more_than_rounding(narrow):
    _, _, fit = narrow
    assert fit.converged, fit.status.sentence
    for trace in fit.restarts.traces:
        assert np.all(np.diff(trace) >= -8 * ULP * (1 + np.abs(trace[1:])))


def test_responsibilities_sum_to_one(narrow):
    _, rows, fit = narrow
    responsibilities = np.asarray(fit.responsibilities(rows))
    np.testing.assert_allclose(responsibilities.sum(1), 1.0, rtol=0, atol=8 * ULP)


def test_the_answer_is_that_of_double_precision(name, narrow):
    """The objective to some ulps; parameters to their root, as the top of a parabola is flat."""
    study, _, fit = narrow
    with jax.enable_x64(True):
        double = study_of(name)
        expected, objective = double.lane(double.fitted), double.fitted.objective
    assert abs(fit.objective - objective) < 64 * ULP * (1 + abs(objective))
    for parameter, value in expected.items():
        found = study.lane(fit)[parameter]
        largest = np.abs(value).max()
        np.testing.assert_allclose(
            found, value, rtol=0, atol=10 * ULP**0.5 * largest, err_msg=parameter
        )
