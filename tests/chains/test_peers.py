"""hmmlearn and dynamax from the same start, their priors switched off: the same steps.

The objective is compared at every step, parameters, smoothed states and paths after the last.
dynamax is no requirement of the tests, because it needs a nightly build of another library.
"""

import importlib
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import jaxem

pytestmark = pytest.mark.long

STEPS = 6
RNG = np.random.default_rng(5)
STATES = np.repeat(RNG.integers(0, 2, size=(5, 8)), 5, axis=1)
POINTS = RNG.normal(size=(*STATES.shape, 2)) * [1.0, 0.6] + 2.0 * STATES[..., None]
COUNTS = RNG.poisson(np.array([2.0, 7.0])[STATES])
FACES = (RNG.random(STATES.shape) < np.array([0.3, 0.8])[STATES]).astype(int) + (
    RNG.random(STATES.shape) < 0.2
)
CHANCES = {"initial": [0.6, 0.4], "transition": [[0.7, 0.3], [0.2, 0.8]]}
LOC = [[-0.5, 0.5], [1.0, 1.5]]

CASES = {
    "diagonal": (
        jaxem.zoo.gaussian_chain(2, 2, "diagonal"),
        POINTS,
        {**CHANCES, "loc": LOC, "variance": [[1.0, 2.0], [0.5, 1.0]]},
    ),
    "full": (
        jaxem.zoo.gaussian_chain(2, 2, "full"),
        POINTS,
        {**CHANCES, "loc": LOC, "cov": [[[1.0, 0.2], [0.2, 2.0]], [[1.5, 0.0], [0.0, 1.0]]]},
    ),
    "Poisson": (jaxem.zoo.poisson_chain(2), COUNTS, {**CHANCES, "rate": [1.0, 5.0]}),
    "categorical": (
        jaxem.zoo.categorical_chain(2, 3),
        FACES,
        {**CHANCES, "probs": [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]]},
    ),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    model, data, start = CASES[request.param]
    fit = jaxem.fit(model, data, init=start, max_steps=STEPS, tolerance=0)
    start = {k: np.asarray(v) for k, v in start.items()}
    return request.param, data, start, fit


def hmmlearn_of(name, start):
    """A model of hmmlearn at the start, by maximum likelihood."""
    hmm = pytest.importorskip("hmmlearn.hmm")
    options = {"init_params": "", "n_iter": STEPS, "tol": -np.inf}
    if name in ("diagonal", "full"):
        kind = {"diagonal": "diag", "full": "full"}[name]
        peer = hmm.GaussianHMM(2, kind, covars_prior=0.0, covars_weight=1.0, **options)
        peer.means_, peer.covars_ = start["loc"], start.get("cov", start.get("variance"))
    elif name == "Poisson":
        peer = hmm.PoissonHMM(2, **options)
        peer.lambdas_ = start["rate"][:, None]
    else:
        peer = hmm.CategoricalHMM(2, **options)
        peer.emissionprob_ = start["probs"]
    peer.startprob_, peer.transmat_ = start["initial"], start["transition"]
    return peer


def test_hmmlearn(case):
    name, data, start, fit = case
    peer = hmmlearn_of(name, start)
    rows, lengths = data.reshape(data.shape[0] * data.shape[1], -1), [data.shape[1]] * len(data)
    peer.fit(rows, lengths)
    np.testing.assert_allclose(fit.trace[:STEPS], list(peer.monitor_.history), rtol=1e-11)
    assert np.ptp(fit.trace) > 1
    there = {"initial": peer.startprob_, "transition": peer.transmat_}
    if name in ("diagonal", "full"):
        there |= {"loc": peer.means_}
        full = np.asarray(peer.covars_)
        diagonal = np.diagonal(full, axis1=1, axis2=2)
        there |= {"cov": full} if name == "full" else {"variance": diagonal}
    elif name == "Poisson":
        there |= {"rate": peer.lambdas_[:, 0]}
    else:
        there |= {"probs": peer.emissionprob_}
    for parameter, value in there.items():
        np.testing.assert_allclose(fit.params[parameter], value, rtol=1e-9, err_msg=parameter)
    smoothed = np.asarray(fit.responsibilities(data)).reshape(-1, 2)
    np.testing.assert_allclose(smoothed, peer.predict_proba(rows, lengths), atol=1e-10)
    path = np.asarray(fit.predict(data)).ravel()
    np.testing.assert_array_equal(path, peer.predict(rows, lengths))


def dynamax_of(name, start):
    """A model of dynamax, and its parameters at the start, with priors that have no say."""
    with warnings.catch_warnings():  # what it requires deprecates parts of itself
        warnings.simplefilter("ignore")
        try:
            hmm = importlib.import_module("dynamax.hidden_markov_model")
        except ImportError:
            pytest.skip("dynamax is not installed")
    flat = {"initial_probs_concentration": 1.0, "transition_matrix_concentration": 1.0}
    chances = {"initial_probs": start["initial"], "transition_matrix": start["transition"]}
    if name in ("diagonal", "full"):
        peer = hmm.GaussianHMM(2, 2, **flat)
        cov = start["cov"] if name == "full" else [np.diag(v) for v in start["variance"]]
        own = {"emission_means": start["loc"], "emission_covariances": np.stack(cov)}
    elif name == "Poisson":
        peer = hmm.PoissonHMM(
            2, 1, emission_prior_concentration=1.0, emission_prior_rate=0.0, **flat
        )
        own = {"emission_rates": start["rate"][:, None]}
    else:
        peer = hmm.CategoricalHMM(2, 1, 3, emission_prior_concentration=1.0, **flat)
        own = {"emission_probs": start["probs"][:, None]}
    given = {k: jnp.asarray(v) for k, v in {**chances, **own}.items()}
    return peer, *peer.initialize(**given)


@pytest.mark.filterwarnings("ignore")
def test_dynamax(case):
    """Its priors of covariances cannot be switched off: it is then asked about jaxem's answer."""
    name, data, start, fit = case
    gaussian = name in ("diagonal", "full")
    peer, params, props = dynamax_of(name, fit.params if gaussian else start)
    emissions = jnp.asarray(data.reshape(*data.shape[:2], -1))
    steps = 0 if gaussian else STEPS
    found, _ = peer.fit_em(params, props, emissions, num_iters=steps, verbose=False)
    there = {"initial": found.initial.probs, "transition": found.transitions.transition_matrix}
    if name == "Poisson":
        there |= {"rate": found.emissions.rates[:, 0]}
    elif name == "categorical":
        there |= {"probs": found.emissions.probs[:, 0]}
    for parameter, value in there.items():
        np.testing.assert_allclose(fit.params[parameter], value, rtol=1e-9, err_msg=parameter)
    value = sum(float(peer.marginal_log_prob(found, y)) for y in emissions)
    assert fit.log_likelihood == pytest.approx(value, rel=1e-11)
    filtered = peer.filter(found, emissions[0]).filtered_probs
    np.testing.assert_allclose(fit.filtered(data)[0], filtered, atol=1e-10)
