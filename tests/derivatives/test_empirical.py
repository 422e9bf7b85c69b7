"""Empirical Bayes against a marginal likelihood that is known in closed form."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem

GROUPS, EACH = 12, 5
GROUP = np.repeat(np.arange(GROUPS), EACH)
RNG = np.random.default_rng(0)
X = (1.5 + 2.0 * RNG.normal(size=GROUPS))[GROUP] + RNG.normal(size=GROUPS * EACH)
DATA = {"group": GROUP, "x": X}


def model_of(prior):
    def log_joint(params, z, row):
        return dist.Normal(params["mean"][row["group"]], 1.0).log_prob(row["x"])

    return jaxem.Model(log_joint, jaxem.Finite(1), {"mean": prior})


def log_marginal(loc, scale):
    """Groups are multivariate normal with a common covariance, 1 + scale^2 in blocks."""
    covariance = np.eye(EACH) + scale**2
    centred = X.reshape(GROUPS, EACH) - loc
    quadratic = np.einsum("gi,ij,gj->", centred, np.linalg.inv(covariance), centred)
    size = EACH * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1]
    return -(quadratic + GROUPS * size) / 2


@pytest.fixture(scope="module")
def fit():
    return jaxem.fit(model_of(dist.Normal(0.0, 1.0).expand((GROUPS,))), DATA)


def test_the_maximum_is_the_one_of_the_integral(fit):
    found = jaxem.empirical_bayes(fit, DATA)
    assert found.log_marginal_before == pytest.approx(log_marginal(0.0, 1.0), abs=1e-8)
    loc, scale = found.hyper["mean.loc"], found.hyper["mean.scale"]
    means = X.reshape(GROUPS, EACH).mean(1)
    assert loc == pytest.approx(means.mean(), rel=1e-6)
    assert scale == pytest.approx(np.sqrt(means.var() - 1 / EACH), rel=1e-5)
    assert found.converged and found.log_marginal == pytest.approx(log_marginal(loc, scale))
    step = 1e-5
    up, down = (log_marginal(0.0, np.exp(d)) for d in (step, -step))
    assert found.slope["mean.scale"] == pytest.approx((up - down) / (2 * step), rel=1e-6)
    assert found.prior["mean"].base_dist.scale == pytest.approx(scale)
    assert found.model is not None
    assert found.model.log_prior(found.params) == pytest.approx(
        dist.Normal(loc, scale).log_prob(found.params["mean"]).sum()
    )
    posterior = (means * EACH + loc / scale**2) / (EACH + 1 / scale**2)
    np.testing.assert_allclose(found.params["mean"], posterior, rtol=1e-5)
    assert "a maximum" in str(found)


def test_a_family_and_one_step(fit):
    def prior(h):
        return {"mean": dist.Normal(0.0, jnp.exp(h)).expand((GROUPS,))}

    found = jaxem.empirical_bayes(fit, DATA, prior=prior, hyper=0.0, max_steps=1)
    assert found.log_marginal > found.log_marginal_before
    assert found.log_marginal == pytest.approx(log_marginal(0.0, np.exp(found.hyper)), abs=1e-8)
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"prior": prior}, "together with hyper"),
        ({"prior": prior, "hyper": 1.0}, "values of the fit"),
        ({"prior": lambda h: {"loc": dist.Normal(h, 1.0)}, "hyper": 0.0}, "did not estimate"),
        ({"max_steps": 0}, "at least 1"),
    ]
    for options, words in mistakes:
        with pytest.raises(jaxem.DeclarationError, match=words):
            jaxem.empirical_bayes(fit, DATA, **options)
