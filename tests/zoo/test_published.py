"""The log joints and priors of the zoo, at published estimates, give the published values."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxem import datasets, zoo
from tests.cases.published import case


def gaussian(reference):
    return {
        "weights": jnp.asarray(reference["pro"]),
        "loc": jnp.asarray(reference["mean"]),
        "cov": jnp.asarray(reference["Sigma"]),
    }


def test_gaussian_mixture():
    reference = case("gmm_faithful_full2")["reference"]
    model = zoo.gaussian_mixture(2, 2)
    value = model.log_likelihood(gaussian(reference["mle"]), datasets.old_faithful().matrix)
    assert value == pytest.approx(reference["loglik"], abs=1e-9)


def test_conjugate_prior():
    published = case("gmm_map_niw_faithful2")
    prior, at = published["prior"], published["reference"]["map"]
    conjugate = zoo.NormalInverseWishart(
        prior["mean"], prior["shrinkage"], prior["dof"], prior["scale"]
    )
    model = zoo.gaussian_mixture(2, 2, conjugate=conjugate)
    value = model.log_likelihood(gaussian(at), datasets.old_faithful().matrix)
    assert value == pytest.approx(published["reference"]["loglik_at_map"], abs=1e-9)
    expected = sum(
        stats.invwishart(prior["dof"], np.array(prior["scale"])).logpdf(np.array(cov))
        + stats.multivariate_normal(prior["mean"], np.array(cov) / prior["shrinkage"]).logpdf(loc)
        for loc, cov in zip(at["mean"], at["Sigma"], strict=True)
    )
    assert model.log_prior(gaussian(at)) == pytest.approx(expected, abs=1e-10)


def test_two_coins():
    reference = case("coin_do_batzoglou_fixed")["reference"]
    model = zoo.binomial_mixture(2, trials=10, weights=[0.5, 0.5])
    params = {
        "weights": jnp.array([0.5, 0.5]),
        "probs": jnp.array([reference["mle"]["theta_A"], reference["mle"]["theta_B"]]),
    }
    value = model.log_likelihood(params, datasets.two_coins().heads)
    expected = reference["mle"]["loglik"] + reference["log_binom_const"]
    assert value == pytest.approx(expected, abs=1e-9)


def test_death_notices():
    mle = case("poisson_mix_death_notices")["reference"]["mle"]
    params = {
        "weights": jnp.array([mle["pi"], 1 - mle["pi"]]),
        "rate": jnp.array([mle["lambda1"], mle["lambda2"]]),
    }
    notices = datasets.death_notices()
    value = zoo.poisson_mixture(2).log_likelihood(params, notices.value, notices.frequency)
    assert value == pytest.approx(-1989.94585988296, abs=1e-9)


def test_carcinoma():
    published = case("lca_carcinoma")
    reference = published["reference"]["by_K"]["3"]
    tables = [reference["probs"][name] for name in published["data"]["names"]]
    params = {
        "weights": jnp.asarray(reference["P"]),
        "probs": jnp.asarray(tables).transpose(1, 0, 2),
    }
    model = zoo.latent_classes(3, [2] * 7)
    value = model.log_likelihood(params, datasets.carcinoma().ratings)
    assert value == pytest.approx(reference["loglik"], abs=1e-9)


def test_k_means_measures_distance():
    model = zoo.k_means(2, 2, scale=[1.0, 10.0])
    rows = jnp.array([[1.0, 20.0], [0.0, 0.0]])
    loc = jnp.array([[0.0, 0.0], [1.0, 10.0]])
    factors = model.log_factors({"loc": loc}, rows)
    squares = jnp.array([[1.0 + 4.0, 0.0 + 1.0], [0.0, 1.0 + 1.0]])
    np.testing.assert_allclose(factors - factors[1, 0], -squares / 2, atol=1e-12)
