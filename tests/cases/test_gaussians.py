"""Gaussian mixtures in the plane and of the irises against mclust, scikit-learn and each other."""

import numpy as np
import pytest
from scipy.special import gammaln, multigammaln

import jaxem

from . import gaussians
from .compare import assert_same_up_to_labels, best_permutation
from .published import case

AXES = {"weights": 0, "loc": 0, "cov": 0}


def named(reference):
    """A published mixture in the names used here."""
    return {
        "weights": np.array(reference["pro"]),
        "loc": np.array(reference["mean"]),
        "cov": np.array(reference["Sigma"]),
    }


@pytest.fixture(scope="module")
def old_faithful():
    return gaussians.old_faithful().fit(restarts=20, key=0)


def test_old_faithful(old_faithful):
    reference = case("gmm_faithful_full2")["reference"]
    assert old_faithful.converged
    assert old_faithful.log_likelihood == pytest.approx(reference["loglik"], abs=1e-4)
    for package in ("mle", "mclust"):
        assert_same_up_to_labels(old_faithful.params, named(reference[package]), AXES, rtol=1e-4)


def test_old_faithful_row_by_row(old_faithful):
    reference = case("gmm_faithful_full2")["reference"]
    data = gaussians.old_faithful().data
    order = best_permutation(old_faithful.params, named(reference["mle"]), AXES)
    posterior = np.asarray(old_faithful.responsibilities(data))[:, order]
    np.testing.assert_allclose(
        posterior[:, 0], reference["posterior_component0"], rtol=0, atol=1e-3
    )
    predicted = np.argsort(order)[np.asarray(old_faithful.predict(data))]
    np.testing.assert_array_equal(predicted, reference["mclust"]["classification"])


@pytest.fixture(scope="module")
def weighted_old_faithful():
    return gaussians.weighted_old_faithful()


def test_weighted_old_faithful(weighted_old_faithful):
    reference = case("gmm_weighted_faithful")["reference"]
    fit = weighted_old_faithful.fit(restarts=10, key=0)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-4)
    assert_same_up_to_labels(fit.params, named(reference["mle"]), AXES, rtol=1e-4)


@pytest.mark.long
def test_weights_equal_repeated_rows(weighted_old_faithful):
    declared = weighted_old_faithful
    start = named(case("gmm_weighted_faithful")["reference"]["mle"])
    start["weights"] = np.array([0.5, 0.5])
    repeated = np.repeat(declared.data, declared.weights.astype(int), axis=0)
    weighted = declared.after(5, init=start)
    replicated = jaxem.fit(declared.model, repeated, init=start, tolerance=0, max_steps=5)
    for name in start:
        np.testing.assert_allclose(weighted.params[name], replicated.params[name], rtol=1e-10)


def test_half_labelled_old_faithful():
    reference = case("gmm_semisupervised_faithful")["reference"]
    fit = gaussians.half_labelled_old_faithful().fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-5)
    assert_same_up_to_labels(fit.params, named(reference), AXES, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "declare"),
    [
        ("gmm_map_niw_faithful2", gaussians.map_old_faithful),
        ("gmm_map_niw_dirichlet_iris3", gaussians.map_iris),
    ],
)
def test_posterior_modes(name, declare):
    published = case(name)
    reference = published["reference"]
    fit = declare().fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik_at_map"], abs=1e-4)
    constant = prior_constant(published["prior"], len(reference["map"]["pro"]))
    expected = reference["log_posterior_without_prior_constants"] + constant
    assert fit.log_posterior == pytest.approx(expected, abs=1e-5)
    assert fit.objective == fit.log_posterior
    assert_same_up_to_labels(fit.params, named(reference["map"]), AXES, rtol=1e-4)


def prior_constant(prior, components):
    """What a density has and the reference leaves out: the normalisers of the prior."""
    scale = np.array(prior["scale"])
    features, dof = len(scale), prior["dof"]
    covariance = dof / 2 * (np.linalg.slogdet(scale)[1] - features * np.log(2))
    mean = features / 2 * np.log(prior["shrinkage"] / (2 * np.pi))
    normalisers = components * (covariance - multigammaln(dof / 2, features) + mean)
    if "dirichlet" not in prior:
        return normalisers
    concentration = prior["dirichlet"]
    return normalisers + gammaln(components * concentration) - components * gammaln(concentration)
