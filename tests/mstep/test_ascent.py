"""Gradient steps in place of an exact maximum: slower, and to the same place."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxem
from jaxem.mstep.conjugate import conjugate_gradient

from .problem import derived, derived_steps, fit
from .test_newton import gamma

ASCENTS = {
    "l-bfgs": jaxem.Ascent(),
    "conjugate gradient": jaxem.Ascent("conjugate_gradient"),
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


def test_conjugate_directions_end_a_quadratic_in_as_many_steps():
    curvature = np.logspace(0, 3, 6)

    def loss(x):
        return 0.5 * jnp.sum(curvature * x**2) - jnp.sum(x)

    @jax.jit
    def run(x):
        optimizer = conjugate_gradient()

        def step(carry, _):
            x, state = carry
            value, slope = jax.value_and_grad(loss)(x)
            move, state = optimizer.update(slope, state, x, value=value, grad=slope, value_fn=loss)
            return (x + move, state), None

        return jax.lax.scan(step, (x, optimizer.init(x)), length=6)[0][0]

    np.testing.assert_allclose(curvature * run(jnp.ones(6)), 1.0, atol=1e-6)


@pytest.mark.long
def test_without_a_closed_form_it_ends_where_newton_ends():
    model, data = gamma()
    m_step = jaxem.Ascent("conjugate_gradient", steps=20)
    newton = jaxem.fit(model, data, init={"shape": 1.0, "rate": 1.0})
    found = jaxem.fit(
        model, data, init={"shape": 1.0, "rate": 1.0}, algorithm=jaxem.EM(m_step=m_step)
    )
    assert found.status.usable
    np.testing.assert_allclose(found.objective, newton.objective, atol=1e-8)
    np.testing.assert_allclose(found.params["shape"], newton.params["shape"], rtol=1e-4)


def test_an_unknown_optimiser_is_refused():
    with pytest.raises(jaxem.DeclarationError, match=r"'lbfgs', 'conjugate_gradient' or an optax"):
        jaxem.Ascent("bfgs")


def test_an_ascent_without_steps_is_refused():
    with pytest.raises(jaxem.DeclarationError, match=r"at least 1 step.*steps=0"):
        jaxem.Ascent(steps=0)
