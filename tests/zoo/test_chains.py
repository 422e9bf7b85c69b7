"""The hidden Markov models of the zoo are their textbook densities."""

import itertools

import numpy as np
import pytest
import scipy.stats

import jaxem
from jaxem import DeclarationError, zoo

INITIAL = np.array([0.6, 0.4])
TRANSITION = np.array([[0.7, 0.3], [0.2, 0.8]])
CHANCES = {"initial": INITIAL, "transition": TRANSITION}
LOC = np.array([[0.0, 1.0], [2.0, -1.0]])
Y = np.random.default_rng(0).normal(size=(1, 4, 2))
COUNTS = np.array([[3, 0, 7, 2]])
CODES = np.array([[2, 0, 1, 1]])


def enumerated(log_density):
    """Log of the sum over all paths of four steps."""
    logs = []
    for path in itertools.product(range(2), repeat=4):
        moves = sum(np.log(TRANSITION[a, b]) for a, b in itertools.pairwise(path))
        seen = sum(log_density[t, z] for t, z in enumerate(path))
        logs.append(np.log(INITIAL[path[0]]) + moves + seen)
    return np.logaddexp.reduce(logs)


COVARIANCES = {
    "full": ("cov", np.array([[[1.0, 0.3], [0.3, 2.0]], [[0.5, 0.0], [0.0, 1.5]]])),
    "tied": ("cov", np.array([[1.0, 0.3], [0.3, 2.0]])),
    "diagonal": ("variance", np.array([[1.0, 2.0], [0.5, 1.5]])),
    "spherical": ("variance", np.array([1.0, 0.5])),
}


@pytest.mark.parametrize("kind", COVARIANCES)
def test_gaussian_chains(kind):
    name, value = COVARIANCES[kind]
    matrices = {
        "full": value,
        "tied": [value, value],
        "diagonal": [np.diag(v) for v in np.atleast_2d(value)],
        "spherical": [np.eye(2) * v for v in np.ravel(value)],
    }[kind]
    log_density = np.stack(
        [
            scipy.stats.multivariate_normal(mean, matrix).logpdf(Y[0])
            for mean, matrix in zip(LOC, matrices, strict=False)
        ],
        -1,
    )
    model = zoo.gaussian_chain(2, 2, kind)
    found = model.log_likelihood({**CHANCES, "loc": LOC, name: value}, Y)
    np.testing.assert_allclose(found, enumerated(log_density), rtol=1e-12)


def test_poisson_chains():
    rate = np.array([1.0, 5.0])
    log_density = scipy.stats.poisson(rate).logpmf(COUNTS[0][:, None])
    found = zoo.poisson_chain(2).log_likelihood({**CHANCES, "rate": rate}, COUNTS)
    np.testing.assert_allclose(found, enumerated(log_density), rtol=1e-12)


def test_categorical_chains():
    probs = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    found = zoo.categorical_chain(2, 3).log_likelihood({**CHANCES, "probs": probs}, CODES)
    np.testing.assert_allclose(found, enumerated(np.log(probs[:, CODES[0]]).T), rtol=1e-12)


def test_multinomial_chains():
    """Totals differ; the third step has none."""
    probs = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]])
    counts = np.array([[[2, 1, 4], [3, 3, 0], [0, 0, 0], [1, 0, 1]]])
    log_density = [
        [scipy.stats.multinomial(x.sum(), p).logpmf(x) for p in probs] for x in counts[0]
    ]
    model = zoo.multinomial_chain(2, 3)
    found = model.log_likelihood({**CHANCES, "probs": probs}, counts)
    np.testing.assert_allclose(found, enumerated(np.array(log_density)), rtol=1e-12)


WEIGHTS = np.array([[0.3, 0.7], [0.9, 0.1]])
CENTRES = np.stack([LOC, LOC + 1.5], 1)
SPREADS = np.array([[1.0, 2.0], [0.5, 3.0]])


@pytest.mark.parametrize("kind", ["tied", "spherical"])
def test_chains_of_mixtures(kind):
    """A path of states alone, each with the density of its mixture."""
    name, value, variance = {
        "tied": ("cov", np.array([[1.7]]), 1.7),
        "spherical": ("variance", SPREADS, SPREADS),
    }[kind]
    density = scipy.stats.norm(CENTRES[..., 0], np.sqrt(variance)).pdf(Y[0, :, :1, None])
    model = zoo.gaussian_mixture_chain(2, 2, 1, kind)
    params = {**CHANCES, "weights": WEIGHTS, "loc": CENTRES[..., :1], name: value}
    found = model.log_likelihood(params, Y[..., :1])
    np.testing.assert_allclose(found, enumerated(np.log((WEIGHTS * density).sum(-1))), rtol=1e-12)


@pytest.mark.long
def test_chains_of_mixtures_reach_the_optimum_of_hmmlearn():
    """GMMHMM of hmmlearn 0.3.3 from the same start, its priors off, to a tolerance of 1e-13.

    Its single steps are others: it takes covariances about the old locations.
    """
    rng = np.random.default_rng(5)
    z = np.cumsum(rng.uniform(size=(2, 150)) < 0.1, 1) % 2
    c = (rng.uniform(size=(2, 150)) < 0.4).astype(int)
    centres = np.array([[[0.0, 0.0], [0.0, 4.0]], [[3.0, 0.0], [6.0, 3.0]]])
    y = np.round(centres[z, c] + rng.normal(size=(2, 150, 2)), 2)
    start = {
        "initial": [0.5, 0.5],
        "transition": [[0.8, 0.2], [0.2, 0.8]],
        "weights": [[0.5, 0.5], [0.5, 0.5]],
        "loc": [[[0.0, 0.0], [0.0, 3.0]], [[3.0, 0.0], [5.0, 3.0]]],
        "variance": np.ones((2, 2, 2)),
    }
    fit = jaxem.fit(zoo.gaussian_mixture_chain(2, 2, 2, "diagonal"), y, init=start)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(-1110.90419510793, abs=1e-7)
    weights = [[0.63018349, 0.36981651], [0.54263752, 0.45736248]]
    np.testing.assert_allclose(fit.params["weights"], weights, atol=1e-5)
    transition = [[0.86753637, 0.13246363], [0.07426055, 0.92573945]]
    np.testing.assert_allclose(fit.params["transition"], transition, atol=1e-5)
    closed = [line for line in str(jaxem.explain(fit.model, y)).splitlines() if "closed" in line]
    assert len(closed) == 5


def test_priors_are_dirichlet():
    model = zoo.poisson_chain(
        2, initial_concentration=2.0, transition_concentration=[[5.0, 2.0], [2.0, 5.0]]
    )
    expected = scipy.stats.dirichlet([2.0, 2.0]).logpdf(INITIAL)
    expected += scipy.stats.dirichlet([5.0, 2.0]).logpdf(TRANSITION[0])
    expected += scipy.stats.dirichlet([2.0, 5.0]).logpdf(TRANSITION[1])
    found = model.log_prior({**CHANCES, "rate": np.array([1.0, 5.0])})
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"transition_concentration": [1.0, 2.0, 3.0]}, "transition_concentration has shape"),
        ({"initial_concentration": [[2.0], [2.0]]}, "initial_concentration has shape"),
    ],
)
def test_concentrations_that_do_not_fit(options, words):
    with pytest.raises(DeclarationError, match=words):
        zoo.poisson_chain(2, **options)
