"""Small and varied declarations, each judged by plain JAX from the same declaration."""

import dataclasses

import jax
import numpy as np
import pytest

import jaxem
from tests.adversary import mixtures, priors, sequences, supports
from tests.adversary.judge import judge

CASES = {
    name: case
    for table in (mixtures, priors, supports, sequences)
    for cases in table.TABLE
    for name, case in cases()
}

#: One of each kind, in the ordinary run.
SHORT = {
    "scale by a softplus",
    "one far value",
    "the edge of an interval",
    "a tied parameter",
    "a clipped probability",
}


def test_the_table_is_large():
    assert len(CASES) >= 80
    assert set(CASES) >= SHORT


@pytest.mark.filterwarnings("ignore:Out-of-support values")  # of what plain JAX evaluates
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in SHORT else pytest.mark.long) for name in CASES],
)
def test_a_fit_is_what_it_says_it_is(name):
    case = CASES[name]
    judge(case, case.run())


@pytest.mark.long
@pytest.mark.parametrize("name", ["scale by positive", "a chain of normals", "normal regression"])
def test_single_precision(name, float32):
    """The status is as honest, the objective that of plain JAX in its precision."""
    given = CASES[name]
    case = dataclasses.replace(given, data=jax.tree.map(np.float32, given.data))
    fit = case.run()
    assert fit.status.usable
    whole = jaxem.fit(case.model(), case.data, init=fit.params, max_steps=1, tolerance=0)
    np.testing.assert_allclose(whole.objective, fit.objective, rtol=1e-4)
