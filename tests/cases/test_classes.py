"""Latent classes, raters and mixed records against print."""

import functools

import numpy as np
import pytest

from . import classes
from .compare import align, assert_same, assert_same_up_to_labels, best_permutation
from .published import case

PATHOLOGISTS = "ABCDEFG"


def carcinoma_reference(size):
    """The published classes: weights (K,) and verdicts (K, 7, 2)."""
    fit = case("lca_carcinoma")["reference"]["by_K"][str(size)]
    verdicts = np.stack([fit["probs"][name] for name in PATHOLOGISTS], axis=1)
    return {"weights": np.array(fit["P"]), "verdict": verdicts}


@functools.cache
def carcinoma(size):
    restarts = {1: 1, 2: 10, 3: 20, 4: 40}[size]
    return classes.carcinoma(size).fit(restarts=restarts, key=0)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_carcinoma_log_likelihood(size):
    expected = case("lca_carcinoma")["reference"]["by_K"][str(size)]["loglik"]
    assert carcinoma(size).converged
    assert carcinoma(size).log_likelihood >= expected - 1e-3
    if size < 4:
        assert carcinoma(size).log_likelihood == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_carcinoma_classes(size):
    """Many answers lie on the boundary: a pathologist who never, or always, says yes."""
    reference = carcinoma_reference(size)
    fitted = align(carcinoma(size).params, reference, {"weights": 0, "verdict": 0})
    inside = (reference["verdict"] > 5e-3) & (reference["verdict"] < 1 - 5e-3)
    apart = np.abs(fitted["verdict"] - reference["verdict"])
    np.testing.assert_allclose(fitted["weights"], reference["weights"], rtol=0, atol=2e-3)
    assert apart[inside].max() < 2e-3
    assert apart.max() < 5e-3


def test_carcinoma_posterior_of_three_classes():
    published = np.array(case("lca_carcinoma")["reference"]["posterior_K3"])
    order = best_permutation(
        carcinoma(3).params, carcinoma_reference(3), {"weights": 0, "verdict": 0}
    )
    posterior = np.asarray(carcinoma(3).responsibilities(classes.carcinoma(3).data))[:, order]
    np.testing.assert_allclose(posterior, published, rtol=0, atol=2e-3)


@pytest.fixture(scope="module")
def anaesthetists():
    return classes.anaesthetists()


def test_the_trace_of_the_anaesthetists(anaesthetists):
    """The reference counts the M-step from the given table as its first iteration."""
    for row in case("dawid_skene_anaesthetists")["reference"]["trace"]:
        fit = anaesthetists.after(row["iteration"] - 1)
        np.testing.assert_allclose(fit.params["weights"], row["p"], rtol=0, atol=1e-8)
        assert fit.log_likelihood == pytest.approx(row["loglik"], abs=1e-8)


def test_the_answer_of_the_anaesthetists(anaesthetists):
    reference = case("dawid_skene_anaesthetists")["reference"]
    fit = anaesthetists.fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-3)
    expected = {"weights": reference["class_marginals"], "error": reference["error_rates"]}
    assert_same(fit.params, expected, atol=1e-3)
    posterior = fit.responsibilities(anaesthetists.data)
    np.testing.assert_allclose(posterior, reference["posterior"], rtol=0, atol=1e-3)
    printed = reference["published"]["class_marginals"]
    np.testing.assert_allclose(fit.params["weights"], printed, rtol=0, atol=6e-3)


def test_the_anaesthetists_from_anywhere_are_no_worse(anaesthetists):
    fit = anaesthetists.fit(init=None, restarts=30, key=0)
    assert fit.log_likelihood >= case("dawid_skene_anaesthetists")["reference"]["loglik"] - 1e-3


def test_speed_and_correctness():
    reference = case("mixture_speed_rt_corr_mixed")["reference"]
    fit = classes.speed().fit(restarts=10, key=0)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-3)
    mle = reference["mle"]
    expected = {
        "weights": mle["pro"],
        "loc": mle["mu"],
        "scale": mle["sd"],
        "correct": mle["p_correct"],
    }
    assert_same_up_to_labels(fit.params, expected, dict.fromkeys(expected, 0), rtol=2e-3)
