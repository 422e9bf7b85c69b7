"""A person's own update: taken as it is, and not trusted."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem import Status

from .problem import DATA, START, derived, derived_steps, fit, mixture, textbook


def assert_same_steps(found, expected):
    np.testing.assert_allclose(found.trace, expected.trace, rtol=1e-12)
    for name, value in expected.params.items():
        np.testing.assert_allclose(found.params[name], value, rtol=1e-9, err_msg=name)


def test_the_textbook_update_takes_the_same_steps():
    found = fit(jaxem.ClosedForm(textbook), tolerance=0, max_steps=5)
    assert_same_steps(found, derived_steps())


def test_weights_and_missing_rows_are_already_in_the_responsibilities():
    weights = np.where(np.arange(60) % 3 == 0, 0.0, 1.5)
    ours = fit(tolerance=0, max_steps=4, weights=weights)
    theirs = fit(jaxem.ClosedForm(textbook), tolerance=0, max_steps=4, weights=weights)
    assert_same_steps(theirs, ours)


def test_what_an_update_leaves_out_stays():
    def only_loc(params, data, responsibilities):
        return {"loc": textbook(params, data, responsibilities)["loc"]}

    found = fit(jaxem.ClosedForm(only_loc), tolerance=0, max_steps=3)
    np.testing.assert_array_equal(found.params["scale"], START["scale"])
    np.testing.assert_array_equal(found.params["weights"], START["weights"])


def test_an_update_of_one_parameter_and_the_others_derived():
    def loc(params, data, responsibilities):
        return responsibilities.T @ data / responsibilities.sum(0)

    assert_same_steps(
        fit({"loc": jaxem.ClosedForm(loc)}, tolerance=0, max_steps=5), derived_steps()
    )


def test_a_wrong_update_of_one_parameter_is_told():
    wrong = jaxem.ClosedForm(lambda params, data, responsibilities: params["loc"] - 1.0)
    found = fit({"loc": wrong})
    assert found.status == Status.OBJECTIVE_FELL
    assert found.objective == found.trace.max()


def test_an_update_in_the_right_direction_is_generalised_em():
    def half_way(params, data, responsibilities):
        new = textbook(params, data, responsibilities)
        return {name: (new[name] + params[name]) / 2 for name in new}

    found = fit(jaxem.ClosedForm(half_way))
    assert found.converged
    np.testing.assert_allclose(found.objective, derived().objective, rtol=1e-9)


@pytest.mark.parametrize(
    ("update", "words"),
    [
        (
            lambda p, x, r: {"lok": p["loc"]},
            "returned 'lok', which is not among the parameters.*'loc'",
        ),
        (lambda p, x, r: {"loc": jnp.zeros(3)}, r"'loc' with shape \(3,\); expected \(2,\)"),
        (lambda p, x, r: p["loc"], "must return a dictionary"),
    ],
)
def test_an_update_that_returns_something_else_is_explained(update, words):
    with pytest.raises(jaxem.DeclarationError, match=words):
        fit(jaxem.ClosedForm(update))


def test_a_name_that_is_no_parameter_is_explained():
    with pytest.raises(jaxem.DeclarationError, match="'lok'"):
        fit({"lok": jaxem.ClosedForm(textbook)})


def test_what_is_no_m_step_is_explained():
    with pytest.raises(jaxem.DeclarationError, match="m_step"):
        jaxem.fit(mixture(), DATA, algorithm=jaxem.EM(m_step=textbook))
