"""Coins, death notices and articles against print."""

import numpy as np
import pytest

from . import counts
from .compare import assert_same, assert_same_up_to_labels
from .published import case


@pytest.fixture(scope="module")
def coins():
    return counts.coins()


@pytest.fixture(scope="module")
def death_notices():
    return counts.death_notices()


def test_every_step_of_the_coins(coins):
    trace = case("coin_do_batzoglou_fixed")["reference"]["em_trace"]
    steps = [coins.after(row["iteration"]).params["heads"] for row in trace]
    expected = [[row["theta_A"], row["theta_B"]] for row in trace]
    np.testing.assert_allclose(steps, expected, rtol=0, atol=1e-8)


def test_log_likelihoods_of_the_coins(coins):
    trace = case("coin_do_batzoglou_fixed")["reference"]["em_trace"]
    fit = coins.after(len(trace) - 1)
    np.testing.assert_allclose(fit.trace, [row["loglik"] for row in trace], rtol=0, atol=1e-8)


def test_first_e_step_of_the_coins(coins):
    expected = case("coin_do_batzoglou_fixed")["reference"]["posterior_A_first_Estep"]
    responsibilities = coins.after(0).responsibilities(coins.data)
    np.testing.assert_allclose(responsibilities[:, 0], expected, rtol=0, atol=1e-12)


def test_coins_converge(coins):
    mle = case("coin_do_batzoglou_fixed")["reference"]["mle"]
    fit = coins.fit(tolerance=1e-11)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(mle["loglik"], abs=1e-6)
    assert_same(fit.params, {"heads": [mle["theta_A"], mle["theta_B"]]}, atol=1e-5)


def test_the_trace_of_the_death_notices(death_notices):
    trace = case("poisson_mix_death_notices")["reference"]["em_trace"]
    for steps, (weight, *rates) in trace.items():
        params = death_notices.after(int(steps)).params
        assert_same(params, {"weights": [weight, 1 - weight], "rate": rates}, atol=1e-8)


def test_slow_convergence_is_not_taken_for_convergence(death_notices):
    """A plain gain test stops on the plateau; the estimate of what is left does not."""
    published = case("poisson_mix_death_notices")["reference"]
    mle = published["mle"]
    expected = {
        "weights": [mle["pi"], 1 - mle["pi"]],
        "rate": [mle["lambda1"], mle["lambda2"]],
    }
    fit = death_notices.fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(published["loglik"], abs=1e-5)
    assert_same(fit.params, expected, atol=1e-3)


def test_death_notices_from_anywhere(death_notices):
    published = case("poisson_mix_death_notices")["reference"]
    fit = death_notices.fit(init=None, restarts=20, key=1)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(published["loglik"], abs=1e-5)
    printed = published["published"]
    expected = {
        "weights": [printed["pi"], 1 - printed["pi"]],
        "rate": [printed["lambda1"], printed["lambda2"]],
    }
    assert_same_up_to_labels(fit.params, expected, {"weights": 0, "rate": 0}, atol=1.5e-3)


def test_articles_with_an_intercept_only():
    reference = case("zip_biochemists")["reference"]["intercept_only"]
    fit = counts.articles_intercept().fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-4)
    assert_same(fit.params, {"zero": reference["p"], "rate": reference["lam"]}, atol=1e-5)


def test_articles_with_covariates():
    reference = case("zip_biochemists")["reference"]["full"]
    fit = counts.articles_regression().fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-4)
    assert_same(fit.params, {"count": reference["count"], "zero": reference["zero"]}, atol=1e-3)
