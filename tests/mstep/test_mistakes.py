"""Mistakes in an algorithm's options are told before any work."""

import jax.numpy as jnp
import numpyro.distributions as dist
import optax
import pytest
from numpyro.distributions import constraints

import jaxem

COUNTS = [0, 1, 1, 2, 3, 7, 8, 9, 9, 10]


def model(weights=None):
    def log_joint(params, z, x):
        return jnp.log(params["w"][z]) + dist.Poisson(params["rate"][z]).log_prob(x)

    prior = {"w": weights or jaxem.flat((2,), constraints.simplex)}
    return jaxem.Model(
        log_joint, jaxem.Finite(2), prior | {"rate": jaxem.flat((2,), constraints.positive)}
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: jaxem.EM(e_step="hard"), "jaxem.Hard()"),
        (lambda: jaxem.EM(m_step="newton"), "jaxem.ClosedForm"),
        (lambda: jaxem.EM(m_step={"rate": optax.sgd(0.1)}), "rate"),
        (lambda: jaxem.Ascent(optimizer="adam"), "optax"),
        (lambda: jaxem.Ascent(steps=0), "at least 1 step"),
    ],
)
def test_a_wrong_option_is_told_when_it_is_made(make, words):
    with pytest.raises(jaxem.DeclarationError, match=words.replace("(", r"\(").replace(")", r"\)")):
        make()


def test_a_step_for_no_parameter_is_told():
    algorithm = jaxem.EM(m_step={"rates": jaxem.Ascent()})
    with pytest.raises(jaxem.DeclarationError, match="'rates'"):
        jaxem.fit(model(), COUNTS, algorithm=algorithm)


def test_an_update_may_only_change_what_it_stands_for():
    update = jaxem.ClosedForm(lambda params, data, responsibilities: {"w": params["w"]})
    with pytest.raises(jaxem.DeclarationError, match="'w'"):
        jaxem.fit(model(), COUNTS, algorithm=jaxem.EM(m_step={"rate": update}))


def test_a_start_cannot_move_a_fixed_parameter():
    fixed = model(dist.Delta(jnp.array([0.5, 0.5])))
    with pytest.raises(jaxem.DeclarationError, match="fixes"):
        jaxem.fit(fixed, COUNTS, init={"w": [0.3, 0.7], "rate": [1.0, 8.0]})
