"""Markov-switching regressions: textbook densities, published optima, normal equations."""

import itertools

import numpy as np
import pytest
import scipy.stats

import jaxem
from jaxem import DeclarationError, zoo
from tests.cases.published import case

RNG = np.random.default_rng(2)
TIME = 4
U, V = RNG.normal(size=(2, 1, TIME))
E = RNG.uniform(1.0, 3.0, size=(1, TIME))
N = RNG.integers(3, 9, size=(1, TIME))
COEFFICIENTS = np.array([[0.3, -0.4], [1.1, 0.5]])
CHANCES = {"initial": np.array([0.6, 0.4]), "transition": np.array([[0.7, 0.3], [0.2, 0.8]])}
ETA = COEFFICIENTS[:, 0] + COEFFICIENTS[:, 1] * U.T
MEAN = np.exp(ETA)
POSITIVE = np.array([0.8, 2.5])
COUNTS = np.array([[1, 3, 0, 2]])
REAL = np.array([[0.2, -1.0, 2.0, 0.7]])
WAITS = np.array([[0.5, 1.0, 3.0, 0.1]])


#: id -> (family, options, response, further parameters, log density of steps and states)
LAWS = {
    "normal": ("normal", {}, REAL, {"variance": POSITIVE}, scipy.stats.norm(ETA, POSITIVE**0.5)),
    "one variance": (
        "normal",
        {"common_variance": True},
        REAL,
        {"variance": np.array(1.3)},
        scipy.stats.norm(ETA, 1.3**0.5),
    ),
    "poisson": ("poisson", {}, COUNTS, {}, scipy.stats.poisson(MEAN)),
    "exposed": ("poisson", {"exposure": "e"}, COUNTS, {}, scipy.stats.poisson(E.T * MEAN)),
    "binomial": (
        "binomial",
        {"trials": "n"},
        COUNTS,
        {},
        scipy.stats.binom(N.T, MEAN / (1 + MEAN)),
    ),
    "one trial": ("binomial", {}, COUNTS > 1, {}, scipy.stats.bernoulli(MEAN / (1 + MEAN))),
    "gamma": (
        "gamma",
        {},
        WAITS,
        {"shape": POSITIVE},
        scipy.stats.gamma(POSITIVE, scale=MEAN / POSITIVE),
    ),
    "negative binomial": (
        "negative_binomial",
        {"exposure": "e"},
        COUNTS,
        {"concentration": POSITIVE},
        scipy.stats.nbinom(POSITIVE, POSITIVE / (POSITIVE + E.T * MEAN)),
    ),
}


def enumerated(log_density, moves):
    """Log of the sum over all paths; moves (T - 1, 2, 2)."""
    logs = []
    for path in itertools.product(range(2), repeat=TIME):
        moved = sum(np.log(moves[t, a, b]) for t, (a, b) in enumerate(itertools.pairwise(path)))
        seen = sum(log_density[t, z] for t, z in enumerate(path))
        logs.append(np.log(CHANCES["initial"][path[0]]) + moved + seen)
    return np.logaddexp.reduce(logs)


@pytest.mark.parametrize("name", LAWS)
def test_the_densities_of_the_families(name):
    family, options, y, further, law = LAWS[name]
    y = y.astype(int) if y.dtype == bool else y
    log_density = law.logpdf(y.T) if family in ("normal", "gamma") else law.logpmf(y.T)
    model = zoo.regression_chain(2, "y", ["u"], family, **options)
    data = {"y": y, "u": U, "e": E, "n": N}
    found = model.log_likelihood({**CHANCES, "coefficients": COEFFICIENTS, **further}, data)
    moves = np.broadcast_to(CHANCES["transition"], (TIME - 1, 2, 2))
    np.testing.assert_allclose(found, enumerated(log_density, moves), rtol=1e-12)


def test_transitions_that_covariates_move():
    slopes = np.array([[[0.2, 1.0, -0.5]], [[-1.0, 0.4, 0.3]]])
    model = zoo.regression_chain(2, "y", transition_covariates=["u", "v"])
    params = {
        "initial": CHANCES["initial"],
        "transition": slopes,
        "coefficients": COEFFICIENTS[:, :1],
        "variance": POSITIVE,
    }
    inputs = np.stack([np.ones(TIME), U[0], V[0]], -1)[1:]
    chance = 1 / (1 + np.exp(-np.einsum("ap,tp->ta", slopes[:, 0], inputs)))
    moves = np.stack([1 - chance, chance], -1)
    log_density = scipy.stats.norm(COEFFICIENTS[:, 0], POSITIVE**0.5).logpdf(REAL.T)
    found = model.log_likelihood(params, {"y": REAL, "u": U, "v": V})
    np.testing.assert_allclose(found, enumerated(log_density, moves), rtol=1e-12)


@pytest.mark.long
def test_response_times_whose_transitions_the_pay_off_moves():
    """The optimum of depmixS4 1.5.1, Visser and Speekenbrink (2010)."""
    published = case("hmm_speed_rt_tv_transition")
    given, expected = published["data"], published["reference"]
    ends = np.cumsum(given["ntimes"])[:-1]
    series = (np.split(np.array(given[name]), ends) for name in ("rt", "zPacc"))
    data, lengths = jaxem.sequences(
        [
            {"rt": times, "before": np.concatenate([[0.0], pay[:-1]])}
            for times, pay in zip(*series, strict=True)
        ]
    )
    start = {
        "initial": [0.5, 0.5],
        "transition": [[[-1.0, 0.0]], [[1.0, 0.0]]],
        "coefficients": [[5.5], [6.4]],
        "variance": [0.04, 0.06],
    }
    model = zoo.regression_chain(2, "rt", transition_covariates=["before"])
    fit = jaxem.fit(model, data, lengths=lengths, init=start)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["loglik"], abs=1e-6)
    slopes = np.stack([expected["c0"], expected["c1"]], -1)[:, None]
    np.testing.assert_allclose(fit.params["transition"], slopes, rtol=1e-3)
    np.testing.assert_allclose(fit.params["coefficients"][:, 0], expected["mu"], rtol=1e-5)


@pytest.mark.long
def test_counts_under_exposure_satisfy_their_normal_equations():
    """Residuals, weighed by responsibilities, are orthogonal to the covariates in each state."""
    rng = np.random.default_rng(0)
    z = np.cumsum(rng.uniform(size=(2, 120)) < 0.1, 1) % 2
    u, e = rng.normal(size=z.shape), rng.uniform(1.0, 5.0, size=z.shape)
    truth = np.array([[0.0, 0.5], [1.5, -0.5]])
    y = rng.poisson(e * np.exp(truth[z, 0] + truth[z, 1] * u))
    data = {"y": y, "u": u, "e": e}
    model = zoo.regression_chain(2, "y", ["u"], "poisson", exposure="e")
    start = {**CHANCES, "coefficients": [[0.2, 0.0], [1.0, 0.0]]}
    fit = jaxem.fit(model, data, init=start)
    assert fit.converged
    found = np.asarray(fit.params["coefficients"])
    np.testing.assert_allclose(found, truth, atol=0.3)
    responsibilities = np.asarray(fit.responsibilities(data))
    inputs = np.stack([np.ones_like(u), u], -1)
    residual = y[..., None] - e[..., None] * np.exp(inputs @ found.T)
    np.testing.assert_allclose(
        np.einsum("nts,nts,ntp->sp", responsibilities, residual, inputs), 0, atol=1e-3
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"family": "probit"}, "negative_binomial"),
        ({"family": "poisson", "common_variance": True}, "no common_variance"),
        ({"trials": "n"}, "'normal' has no trials"),
        ({"family": "binomial", "exposure": "e"}, "no exposure"),
        ({"transition_covariates": ["u"], "transition_concentration": 2.0}, "one of the two"),
        ({"initial_concentration": [1.0, 2.0, 3.0]}, "initial_concentration has shape"),
    ],
)
def test_wrong_arguments(options, words):
    with pytest.raises(DeclarationError, match=words):
        zoo.regression_chain(2, "y", ["u"], **options)
