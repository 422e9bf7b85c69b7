"""Hidden Markov models against print: likelihoods, every step, paths and smoothed states."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from . import chains
from .compare import assert_same
from .published import case


@pytest.fixture(scope="module")
def earthquakes():
    return chains.earthquakes()


@pytest.fixture(scope="module")
def casino():
    return chains.casino()


@pytest.fixture(scope="module")
def speed():
    return chains.speed()


def named(row, emission):
    return {"initial": row["pi"], "transition": row["A"], emission: row["theta"]}


@pytest.mark.long
def test_every_step_of_the_earthquakes(earthquakes):
    for row in case("hmm_poisson_earthquakes_2")["reference"]["free_delta"]["trace"]:
        fit = earthquakes.after(row["iteration"])
        assert fit.log_likelihood == pytest.approx(row["loglik"], abs=1e-9)
        assert_same(fit.params, named(row, "rate"), atol=1e-9)


def test_earthquakes_converge(earthquakes):
    expected = case("hmm_poisson_earthquakes_2")["reference"]["free_delta"]
    fit = earthquakes.fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-7)
    found = {"transition": expected["A"], "rate": expected["lam"], "initial": expected["delta"]}
    assert_same(fit.params, found, rtol=1e-5, atol=1e-6)
    there = earthquakes.after(expected["iterations"])
    smoothed = there.responsibilities(earthquakes.data)[0]
    np.testing.assert_allclose(smoothed, expected["smoothed"], atol=1e-7)
    path, value = fit.viterbi(earthquakes.data)
    np.testing.assert_array_equal(path[0], expected["viterbi"])
    assert float(value[0]) == pytest.approx(expected["viterbi_logprob"], abs=1e-5)


@pytest.mark.long
def test_earthquakes_from_anywhere(earthquakes):
    expected = case("hmm_poisson_earthquakes_2")["reference"]["free_delta"]
    fit = earthquakes.fit(init=None, restarts=8, key=1)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-6)


@pytest.mark.long
def test_a_stationary_start(earthquakes):
    expected = case("hmm_poisson_earthquakes_2")["reference"]["stationary"]
    fit = chains.earthquakes_stationary().fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-7)
    assert_same(fit.params, {"transition": expected["A"], "rate": expected["lam"]}, rtol=1e-4)


def test_the_mode_of_the_earthquakes():
    expected = case("hmm_map_earthquakes_a")["reference"]
    declared = chains.earthquakes_map()
    fit = declared.fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-4)
    found = {"initial": expected["delta"], "transition": expected["A"], "rate": expected["lam"]}
    assert_same(fit.params, found, rtol=1e-4)
    # Print leaves out the constants of the priors.
    params = fit.params
    weights = jnp.array([[4.0, 1.0], [1.0, 4.0]])
    rates = params["rate"]
    unnormalised = (
        jnp.log(params["initial"]).sum()
        + (weights * jnp.log(params["transition"])).sum()
        + (19 * jnp.log(rates) - rates).sum()
    )
    assert fit.log_likelihood + float(unnormalised) == pytest.approx(
        expected["log_posterior_unnormalised"], abs=1e-7
    )


def test_the_casino_as_it_was_built(casino):
    expected = case("hmm_casino_durbin")["reference"]["fixed"]
    fit = casino.after(0)
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-9)
    fair = fit.responsibilities(casino.data)[0, :, 0]
    np.testing.assert_allclose(fair, expected["posterior_fair"], atol=1e-8)
    path, value = fit.viterbi(casino.data)
    assert "".join("FL"[z] for z in np.asarray(path[0])) == expected["viterbi"]
    assert float(value[0]) == pytest.approx(expected["viterbi_logprob"], abs=1e-9)


@pytest.mark.long
def test_every_step_of_the_casino(casino):
    for row in case("hmm_casino_durbin")["reference"]["baum_welch"]["trace"]:
        fit = casino.after(row["iteration"])
        assert fit.log_likelihood == pytest.approx(row["loglik"], abs=1e-9)
        assert_same(fit.params, named(row, "faces"), atol=1e-9)


def test_the_casino_converges(casino):
    expected = case("hmm_casino_durbin")["reference"]["baum_welch"]
    fit = casino.fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-4)
    assert_same(fit.params, {"transition": expected["A"], "faces": expected["E"]}, atol=1e-3)


@pytest.mark.long
def test_response_times(speed):
    expected = case("hmm_gauss_speed_rt")["reference"]
    fit = speed.fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-6)
    found = {
        "transition": expected["A"],
        "loc": expected["mu"],
        "scale": expected["sd"],
        "initial": expected["delta"],
    }
    assert_same(fit.params, found, rtol=1e-4, atol=1e-6)
    exists = np.arange(speed.data.shape[1]) < np.asarray(speed.lengths)[:, None]
    smoothed = np.asarray(fit.responsibilities(speed.data, lengths=speed.lengths))
    np.testing.assert_allclose(smoothed[exists][:, 0], expected["smoothed_state0"], atol=1e-4)
    assert np.all(smoothed[~exists] == 0)
    path = np.asarray(fit.predict(speed.data, lengths=speed.lengths))
    np.testing.assert_array_equal(path[exists], expected["viterbi"])
    assert np.all(path[~exists] == -1)


def test_transitions_that_depend_on_the_pay_off():
    expected = case("hmm_speed_rt_tv_transition")["reference"]
    fit = chains.speed_with_payoff().fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-6)
    found = {
        "intercept": expected["c0"],
        "slope": expected["c1"],
        "loc": expected["mu"],
        "scale": np.exp(expected["log_sd"]),
    }
    assert_same(fit.params, found, rtol=1e-3)


def test_growth_of_gnp():
    expected = case("markov_switching_hamilton_gnp")["reference"]
    declared = chains.gnp()
    fit = declared.fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-6)
    values = list(expected["params"].values())
    found = {
        "to_recession": values[:2],
        "mean": values[2:4],
        "variance": values[4],
        "ar": values[5:],
    }
    assert_same(fit.params, found, atol=1e-3)
    smoothed = np.asarray(fit.responsibilities(declared.data))[0].reshape(-1, 2, 16).sum(-1)
    np.testing.assert_allclose(
        smoothed[:, 0], expected["statsmodels"]["smoothed_prob_state0"], atol=1e-3
    )


@pytest.mark.long
def test_a_mixture_of_markov_chains():
    expected = case("mixture_markov_chains_bacteria_map")["reference"]
    fit = chains.bacteria().fit()
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-4)
    found = {"weights": expected["w"], "initial": expected["p"], "transition": expected["A"]}
    assert_same(fit.params, found, atol=1e-3)


@pytest.mark.long
def test_earthquakes_in_single_precision(float32):
    expected = case("hmm_poisson_earthquakes_2")["reference"]["free_delta"]
    declared = chains.earthquakes()
    fit = declared.fit()
    assert fit.params["rate"].dtype == jnp.float32 or jax.config.jax_enable_x64
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-2)
