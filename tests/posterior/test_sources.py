"""Sufficient statistics in place of the rows: the same density, looked at where draws fall."""

import dataclasses
from functools import cache

import equinox as eqx
import numpy as np
import pytest

import jaxem
from jaxem.posterior import fitted as fitted_module
from jaxem.posterior.fitted import open_fit

from .problems import PAIRS, two_means

MANY = np.concatenate([PAIRS, PAIRS[::-1] + 0.3])


@cache
def fit():
    """120 different rows, which two anchors replace."""
    return jaxem.fit(two_means(), MANY)


def test_the_density_and_its_derivatives_are_those_of_the_rows():
    fast = open_fit(fit(), MANY, None)
    assert fast.target.source is not fast.rows
    with pytest.warns(UserWarning, match="log joint at every row"):
        slow = fast.on_rows()
    start = fast.start(0).u
    rng = np.random.default_rng(0)
    for u in start + np.array([0.0, 0.1, 1.0])[:, None] * rng.normal(size=(3, len(start))):
        (one, gradient), (other, expected) = fast.target.slope(u), slow.target.slope(u)
        np.testing.assert_allclose(one, other, rtol=1e-11)
        np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-8)
    one, other = fast.target.mode(start), slow.target.mode(start)
    np.testing.assert_allclose(one.u, other.u, atol=1e-8)
    scale = np.abs(other.precision).max()
    np.testing.assert_allclose(one.precision, other.precision, atol=1e-8 * scale)


def test_a_fit_without_a_plan_and_one_that_left_its_statistics_use_the_rows():
    plan = fit().plan
    left = dataclasses.replace(plan, route=dataclasses.replace(plan.route, changes=("left",)))
    for other in (None, left):
        opened = open_fit(dataclasses.replace(fit(), plan=other), MANY, None)
        assert opened.target.source is opened.rows


def test_wrong_statistics_are_noticed_and_the_rows_used(monkeypatch):
    """A thousandth of an error in the coefficients is tenths of a nat in the evidence."""
    right = jaxem.posterior.laplace(fit(), MANY, draws=20)
    make = fitted_module.make_sources

    def make_wrong(*args):
        rows, anchored = make(*args)
        return rows, eqx.tree_at(lambda s: s.change, anchored, anchored.change * 1.001)

    monkeypatch.setattr(fitted_module, "make_sources", make_wrong)
    with pytest.warns(UserWarning, match="not accurate at the draws"):
        found = jaxem.posterior.laplace(fit(), MANY, draws=20)
    np.testing.assert_allclose(found.log_evidence, right.log_evidence, rtol=1e-11)
    np.testing.assert_allclose(found.draws["loc"], right.draws["loc"], rtol=1e-6)
