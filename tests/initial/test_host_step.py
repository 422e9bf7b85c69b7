"""The M-step of memberships on the host is the compiled one."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem
from jaxem.data.fit_data import find_fit_data
from jaxem.initial.host_step import serves
from jaxem.initial.setting import prepare
from jaxem.model.binding import bind_steps

RNG = np.random.default_rng(0)
LEVELS = [4, 5, 6]


def gaussians():
    return jaxem.zoo.gaussian_mixture(3, 2), RNG.normal(size=(150, 2))


def few_rows():
    return jaxem.zoo.gaussian_mixture(2, 2), RNG.normal(size=(50, 2))


def classes():
    rows = np.column_stack([RNG.integers(0, count, 400) for count in LEVELS])
    return jaxem.zoo.latent_classes(2, LEVELS), rows


def conjugate():
    """A cycle of closed forms: the prior of a mean ignores the variance."""

    def log_joint(p, z, x):
        return jnp.log(0.5) + dist.Normal(p["loc"][z], jnp.sqrt(p["variance"][z])).log_prob(x)

    prior = {
        "loc": dist.Normal(jnp.zeros(2), 3.0).to_event(1),
        "variance": dist.InverseGamma(2.0 * jnp.ones(2), 1.0).to_event(1),
    }
    return jaxem.Model(log_joint, jaxem.Finite(2), prior), RNG.normal(size=120)


def newton():
    def log_joint(p, z, x):
        return jnp.log(0.5) + dist.Gamma(p["shape"][z], 1.0).log_prob(x)

    prior = {"shape": jaxem.flat((2,), dist.constraints.positive)}
    return jaxem.Model(log_joint, jaxem.Finite(2), prior), RNG.gamma(2.0, size=90)


@pytest.mark.parametrize("problem", [gaussians, few_rows, classes, conjugate])
def test_it_is_the_compiled_one(problem):
    setting = set_up(*problem())
    assert serves(setting.model, setting.plan, setting.data, setting.anchors)
    shape = len(setting.weights), setting.states
    given = RNG.dirichlet(np.ones(shape[1]), (4, shape[0]))
    found, expected = setting.m_step(given), setting._compiled(given)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-12)


def test_newton_is_left_to_the_compiled_one():
    setting = set_up(*newton())
    assert not serves(setting.model, setting.plan, setting.data, setting.anchors)


def set_up(model, rows):
    setting = prepare(bind_steps(model, rows, None), np.ones(len(rows)))
    fit_data = find_fit_data(setting, jaxem.EM(), 4)
    return dataclasses.replace(setting, anchors=fit_data.found)
