"""Q as a function: what the M-step climbs, for those who teach or test."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem

DATA = np.array([0.3, -1.0, 2.5, 4.0, 3.1])
AT = {"weights": np.array([0.4, 0.6]), "loc": np.array([0.0, 3.0])}
ELSEWHERE = {"weights": jnp.array([0.7, 0.3]), "loc": jnp.array([-1.0, 2.0])}


@pytest.fixture(scope="module")
def model():
    return jaxem.Model(
        lambda params, z, x: (
            jnp.log(params["weights"][z])
            + dist.Normal(params["loc"][z], params["scale"]).log_prob(x)
        ),
        jaxem.Finite(2),
        {
            "weights": dist.Dirichlet(jnp.full(2, 2.0)),
            "loc": jaxem.flat((2,)),
            "scale": dist.Delta(1.5),
        },
    )


def literal(model, responsibilities):
    """The double sum, and the prior."""
    full = {**ELSEWHERE, "scale": jnp.array(1.5)}
    total = float(model.log_prior(full))
    for row, share in zip(DATA, responsibilities, strict=True):
        total += sum(share[z] * float(model.log_joint(full, z, row)) for z in range(2))
    return total


@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.0, 2.0, 0.5, 3.0])])
def test_it_is_the_double_sum(model, weights):
    table = np.asarray(model.log_factors({**AT, "scale": 1.5}, DATA))
    responsibilities = np.exp(table) / np.exp(table).sum(1, keepdims=True)
    q = jaxem.expected_log_joint(model, DATA, at=AT, weights=weights)
    rows = np.ones(5) if weights is None else weights
    found = q({**ELSEWHERE, "scale": 1.5})
    np.testing.assert_allclose(found, literal(model, responsibilities * rows[:, None]), rtol=1e-12)


def test_a_hard_e_step_counts_the_best_state_alone(model):
    table = np.asarray(model.log_factors({**AT, "scale": 1.5}, DATA))
    responsibilities = (table.argmax(1)[:, None] == np.arange(2)) * 1.0
    q = jaxem.expected_log_joint(model, DATA, at=AT, e_step=jaxem.Hard())
    np.testing.assert_allclose(
        q({**ELSEWHERE, "scale": 1.5}), literal(model, responsibilities), rtol=1e-12
    )


def test_the_difference_of_two_is_below_that_of_the_log_posterior(model):
    """Jensen's inequality, on which EM rests: equal at the point, and below everywhere."""
    q = jaxem.expected_log_joint(model, DATA, at=AT)

    def posterior(params):
        return model.log_likelihood(params, DATA) + model.log_prior(params)

    here = {**AT, "scale": 1.5}
    rng = np.random.default_rng(0)
    for _ in range(5):
        there = {"weights": rng.dirichlet([1, 1]), "loc": rng.normal(size=2), "scale": 1.5}
        assert q(there) - q(here) <= posterior(there) - posterior(here) + 1e-10


def test_it_can_be_differentiated_under_jit(model):
    q = jaxem.expected_log_joint(model, DATA, at=AT)
    slope = jax.jit(jax.grad(q))({**ELSEWHERE, "scale": jnp.array(1.5)})
    assert jax.tree.structure(slope) == jax.tree.structure({**AT, "scale": 0.0})


def test_a_wrong_point_is_explained(model):
    with pytest.raises(jaxem.DeclarationError, match=r"at has 'lok'.*did you mean 'loc'"):
        jaxem.expected_log_joint(model, DATA, at={**AT, "lok": 1.0})
