"""Phylogenies: sites are the data, and the bases of all ancestors are hidden.

Felsenstein's pruning is written out once more here, node by node, with SciPy's matrix exponential.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from numpyro.distributions import constraints

import jaxem

T, C, A, G = range(4)

#: Five species, (((1, 2), 3), (4, 5)), with a root; and the same tree hung up at an inner node.
ROOTED = (-1, 0, 1, 0, 2, 2, 1, 3, 3)
UNROOTED = (-1, 0, 0, 1, 1, 0, 2, 2)


def observed(parents, sites):
    """Data of sites, bases of the five species (n, 5), which are the last nodes."""
    bases = np.zeros((len(sites), len(parents)), int)
    bases[:, -5:] = sites
    node = np.broadcast_to(np.arange(len(parents)), bases.shape)
    return {"base": bases, "seen": node >= len(parents) - 5, "node": node}


def rates(kappa, frequencies, array=jnp):
    """The rate matrix of Hasegawa, Kishino and Yano (1985), one change a unit of time."""
    transitions = np.zeros((4, 4))
    transitions[[T, C, A, G], [C, T, G, A]] = 1
    exchange = 1 - np.eye(4) + (kappa - 1) * transitions
    moves = exchange * frequencies
    out = moves - array.diag(moves.sum(1))
    return out / (frequencies * moves.sum(1)).sum()


@functools.cache
def hky(parents):
    """A model of all branch lengths, kappa and the frequencies of bases."""

    def log_joint(p, z_parent, z, x):
        if z_parent is None:
            step = jnp.log(p["frequencies"])[z]
        else:
            generator = rates(p["kappa"], p["frequencies"])
            chances = jax.vmap(lambda t: jax.scipy.linalg.expm(generator * t))(p["length"])
            step = jnp.log(chances)[x["node"] - 1, z_parent, z]
        return step + jnp.where(x["seen"] & (z != x["base"]), -jnp.inf, 0.0)

    prior = {
        "length": jaxem.flat((len(parents) - 1,), constraints.positive),
        "kappa": jaxem.flat((), constraints.positive),
        "frequencies": jaxem.flat((4,), constraints.simplex),
    }
    return jaxem.Model(log_joint, jaxem.Tree(parents, 4), prior)


def pruned(parents, params, sites):
    """Log probability of each site, by recursion from the tips up."""
    generator = rates(params["kappa"], np.asarray(params["frequencies"]), np)
    chances = [None, *(scipy.linalg.expm(generator * t) for t in params["length"])]

    def below(node, site):
        if node >= len(parents) - 5:
            return np.eye(4)[site[node - len(parents) + 5]]
        value = np.ones(4)
        for child, parent in enumerate(parents):
            if parent == node:
                value = value * (chances[child] @ below(child, site))
        return value

    return np.array([np.log(params["frequencies"] @ below(0, site)) for site in sites])


def simulated(parents, params, count, rng):
    """Sites drawn from the model, from the root down."""
    generator = rates(params["kappa"], np.asarray(params["frequencies"]), np)
    states = np.zeros((count, len(parents)), int)
    states[:, 0] = rng.choice(4, size=count, p=params["frequencies"])
    for node in range(1, len(parents)):
        cumulative = scipy.linalg.expm(generator * params["length"][node - 1]).cumsum(1)
        above = cumulative[states[:, parents[node]]]
        states[:, node] = (rng.random(count)[:, None] > above).sum(1)
    return states[:, -5:]


#: The lengths of inner branches, and then of the five tips.
BOOK = {"length": [0.1] * 3 + [0.2] * 5, "kappa": 2.0, "frequencies": [0.25] * 4}
TRUTH = {
    "length": [0.25, 0.4, 0.1, 0.3, 0.2, 0.15, 0.35],
    "kappa": 3.0,
    "frequencies": [0.3, 0.2, 0.35, 0.15],
}
SITES, TIMES = np.unique(
    simulated(UNROOTED, TRUTH, 3000, np.random.default_rng(1)), axis=0, return_counts=True
)


def as_arrays(params):
    return {k: jnp.asarray(v, float) for k, v in params.items()}


def test_the_site_of_the_book():
    """Yang (2006), Computational Molecular Evolution, section 4.2: K80, kappa = 2."""
    data = observed(ROOTED, [[T, C, A, C, C]])
    value = float(jax.jit(hky(ROOTED).log_likelihood)(as_arrays(BOOK), data))
    assert np.exp(value) == pytest.approx(0.000509843, abs=5e-10)
    assert value == pytest.approx(-7.581408, abs=5e-7)


@pytest.fixture(scope="module")
def fit():
    start = {"length": [0.2] * 7, "kappa": 1.0, "frequencies": [0.25] * 4}
    data = observed(UNROOTED, SITES)
    return jaxem.fit(hky(UNROOTED), data, weights=TIMES, init=start)


def test_branch_lengths_and_rates_are_found(fit):
    print(fit)
    assert fit.converged and fit.gradient_norm < 1e-2
    params = {k: np.asarray(v) for k, v in fit.params.items()}
    assert fit.log_likelihood == pytest.approx(TIMES @ pruned(UNROOTED, params, SITES), abs=1e-7)
    assert fit.log_likelihood > TIMES @ pruned(UNROOTED, TRUTH, SITES)
    np.testing.assert_allclose(params["length"], TRUTH["length"], atol=0.06)
    np.testing.assert_allclose(params["frequencies"], TRUTH["frequencies"], atol=0.03)
    assert params["kappa"] == pytest.approx(3.0, abs=0.4)
