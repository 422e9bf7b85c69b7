"""Gradient steps in place of an exact maximum: slower, and to the same place."""

import numpy as np
import optax
import pytest

import jaxem

from .problem import derived, derived_steps, fit

ASCENTS = {
    "l-bfgs": jaxem.Ascent(),
    "adam": jaxem.Ascent(optax.adam(3e-2), steps=10),
    "some of each": {"loc": jaxem.Ascent(optax.sgd(1e-2), steps=3)},
}


@pytest.mark.parametrize("name", ASCENTS)
def test_it_never_falls_and_ends_where_the_closed_form_ends(name):
    found = fit(ASCENTS[name])
    assert np.all(np.diff(found.trace) >= -1e-12 * abs(found.objective))
    assert found.status.usable
    np.testing.assert_allclose(found.objective, derived().objective, rtol=0, atol=1e-5)
    for parameter, value in derived().params.items():
        np.testing.assert_allclose(found.params[parameter], value, atol=2e-2, err_msg=parameter)


def test_enough_steps_are_the_exact_m_step():
    found = fit(jaxem.Ascent(steps=40), tolerance=0, max_steps=5)
    np.testing.assert_allclose(found.trace, derived_steps().trace, rtol=1e-7)


def test_steps_that_are_far_too_long_are_shortened():
    found = fit(jaxem.Ascent(optax.sgd(10.0), steps=1), max_steps=30)
    assert np.all(np.diff(found.trace) >= -1e-10)
    assert found.objective > found.trace[0] + 1.0


def test_an_ascent_without_steps_is_refused():
    with pytest.raises(jaxem.DeclarationError, match=r"at least 1 step.*steps=0"):
        jaxem.Ascent(steps=0)
