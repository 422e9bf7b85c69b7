"""Phylogenies: sites are the data, and the bases of all ancestors are hidden.

Felsenstein's pruning is written out once more here, node by node, with SciPy's matrix exponential.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.linalg
from numpyro.distributions import constraints
from numpyro.infer.util import log_density

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


def generator(kappa, frequencies, array=np):
    """The rates of Hasegawa, Kishino and Yano (1985), one change in a unit of time."""
    transitions = np.zeros((4, 4))
    transitions[[T, C, A, G], [C, T, G, A]] = 1
    moves = (1 - np.eye(4) + (kappa - 1) * transitions) * frequencies
    out = moves - array.diag(moves.sum(1))
    return out / (frequencies * moves.sum(1)).sum()


def by_exponential(p):
    """Chances of every branch, (E, 4, 4)."""
    rates = generator(p["kappa"], p["frequencies"], jnp)
    return jax.vmap(lambda t: jax.scipy.linalg.expm(rates * t))(p["length"])


def by_formula(p):
    """The same where all bases are as frequent (Kimura 1980)."""
    slow = jnp.exp(-4 * p["length"] / (p["kappa"] + 2))[:, None, None]
    fast = jnp.exp(-2 * p["length"] * (p["kappa"] + 1) / (p["kappa"] + 2))[:, None, None]
    pairs = jnp.kron(jnp.eye(2), jnp.ones((2, 2)))
    return (1 - slow) / 4 + pairs * (slow - fast) / 2 + jnp.eye(4) * fast


@functools.cache
def phylogeny(parents, chances):
    """A model of all branch lengths, kappa and the frequencies of bases."""

    def log_joint(p, z_parent, z, x):
        if z_parent is None:
            step = jnp.log(p["frequencies"])[z]
        else:
            step = jnp.log(chances(p))[x["node"] - 1, z_parent, z]
        return step + jnp.where(x["seen"] & (z != x["base"]), -jnp.inf, 0.0)

    uniform = dist.Delta(jnp.full(4, 0.25), event_dim=1)
    free = jaxem.flat((4,), constraints.simplex)
    prior = {
        "length": jaxem.flat((len(parents) - 1,), constraints.positive),
        "kappa": jaxem.flat((), constraints.positive),
        "frequencies": free if chances is by_exponential else uniform,
    }
    return jaxem.Model(log_joint, jaxem.Tree(parents, 4), prior)


def pruned(parents, params, sites):
    """Log probability of each site, by recursion from the tips up."""
    rates = generator(params["kappa"], np.asarray(params["frequencies"]))
    chances = [None, *(scipy.linalg.expm(rates * t) for t in params["length"])]

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
    rates = generator(params["kappa"], np.asarray(params["frequencies"]))
    states = np.zeros((count, len(parents)), int)
    states[:, 0] = rng.choice(4, size=count, p=params["frequencies"])
    for node in range(1, len(parents)):
        cumulative = scipy.linalg.expm(rates * params["length"][node - 1]).cumsum(1)
        above = cumulative[states[:, parents[node]]]
        states[:, node] = (rng.random(count)[:, None] > above).sum(1)
    return states[:, -5:]


#: The lengths of inner branches, and then of the five tips.
BOOK = {"length": [0.1] * 3 + [0.2] * 5, "kappa": 2.0, "frequencies": [0.25] * 4}
TRUTH = {
    "length": [0.25, 0.4, 0.1, 0.3, 0.2, 0.15, 0.35],
    "kappa": 3.0,
    "frequencies": [0.25] * 4,
}
UNEVEN = {**TRUTH, "frequencies": [0.3, 0.2, 0.35, 0.15]}
SITES, TIMES = np.unique(
    simulated(UNROOTED, TRUTH, 3000, np.random.default_rng(1)), axis=0, return_counts=True
)


def as_arrays(params):
    return {k: jnp.asarray(v, float) for k, v in params.items()}


@pytest.mark.parametrize("chances", [by_exponential, by_formula])
def test_the_site_of_the_book(chances):
    """Yang (2006), Computational Molecular Evolution, section 4.2: K80, kappa = 2."""
    model, data = phylogeny(ROOTED, chances), observed(ROOTED, [[T, C, A, C, C]])
    value = float(jax.jit(model.log_likelihood)(as_arrays(BOOK), data))
    assert np.exp(value) == pytest.approx(0.000509843, abs=5e-10)
    assert value == pytest.approx(-7.581408, abs=5e-7)


def test_the_root_may_be_anywhere():
    """The pulley principle of a reversible process (Felsenstein 1981): only sums matter there."""
    lengths = [0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]
    data = observed(UNROOTED, [[T, C, A, C, C]])
    at = {**BOOK, "length": lengths}
    value = float(phylogeny(UNROOTED, by_formula).log_likelihood(as_arrays(at), data))
    assert value == pytest.approx(-7.581408, abs=5e-7)


def test_a_matrix_exponential_is_followed_by_derivatives():
    model, data = phylogeny(UNROOTED, by_exponential), observed(UNROOTED, SITES[:60])
    towards = {"length": np.linspace(-1, 1, 7), "kappa": 0.5, "frequencies": [0.1, -0.1, 0.2, -0.2]}

    def literal(move):
        at = {k: np.asarray(v) + move * np.asarray(towards[k]) for k, v in UNEVEN.items()}
        return TIMES[:60] @ pruned(UNROOTED, at, SITES[:60])

    @jax.jit
    def found(at, along):
        return jax.jvp(lambda p: model.log_likelihood(p, data, TIMES[:60]), (at,), (along,))

    value, slope = found(as_arrays(UNEVEN), as_arrays(towards))
    assert float(value) == pytest.approx(literal(0.0), abs=1e-9)
    difference = (literal(1e-5) - literal(-1e-5)) / 2e-5
    assert float(slope) == pytest.approx(difference, rel=1e-7)


@pytest.fixture(scope="module")
def fit():
    model, data = phylogeny(UNROOTED, by_formula), observed(UNROOTED, SITES)
    return jaxem.fit(model, data, weights=TIMES, init={"length": [0.2] * 7, "kappa": 1.0})


def test_branch_lengths_are_found(fit):
    assert fit.converged and fit.gradient_norm < 1e-4
    params = {k: np.asarray(v) for k, v in fit.params.items()}
    assert fit.log_likelihood == pytest.approx(TIMES @ pruned(UNROOTED, params, SITES), abs=1e-8)
    assert fit.log_likelihood > TIMES @ pruned(UNROOTED, TRUTH, SITES)
    np.testing.assert_allclose(params["length"], TRUTH["length"], atol=0.06)
    assert params["kappa"] == pytest.approx(3.0, abs=0.4)


def test_ancestors_are_found(fit):
    """The posterior of the root by Bayes' rule, a base at a time."""
    data = observed(UNROOTED, SITES[:6])
    params = {k: np.asarray(v) for k, v in fit.params.items()}
    found = np.asarray(fit.responsibilities(data))
    assert found.shape == (6, 8, 4)
    np.testing.assert_array_equal(found[:, -5:].argmax(-1), SITES[:6])
    np.testing.assert_allclose(found.sum(-1), 1.0, atol=1e-12)
    joint = np.empty((6, 4))
    model, at = fit.model, as_arrays(params)
    for base in range(4):
        seen = {**data, "base": data["base"].copy(), "seen": data["seen"].copy()}
        seen["base"][:, 0], seen["seen"][:, 0] = base, True
        factors = model.factors(model.flatten(at), seen, None)
        joint[:, base] = np.exp(model.latent.log_partition(factors))
    np.testing.assert_allclose(found[:, 0], joint / joint.sum(1, keepdims=True), atol=1e-12)
    np.testing.assert_allclose(np.log(joint.sum(1)), fit.log_density(data), atol=1e-12)
    states, value = fit.viterbi(data)
    assert states.shape == (6, 8) and np.all(value <= fit.log_density(data))
    drawn = fit.sample_paths(data, draws=3)
    assert drawn.shape == (3, 6, 8)
    np.testing.assert_array_equal(drawn[..., -5:], np.broadcast_to(SITES[:6], (3, 6, 5)))


def test_a_program_for_numpyro_has_the_same_density():
    model, data = phylogeny(UNROOTED, by_formula), observed(UNROOTED, SITES[:6])
    program = jaxem.to_numpyro(model, data, weights=TIMES[:6])
    at = {k: v for k, v in as_arrays(TRUTH).items() if k != "frequencies"}
    expected = TIMES[:6] @ pruned(UNROOTED, TRUTH, SITES[:6])
    assert float(log_density(program, (), {}, at)[0]) == pytest.approx(expected, abs=1e-10)


def test_single_precision(float32):
    model, data = phylogeny(UNROOTED, by_formula), observed(UNROOTED, SITES)
    value = jax.jit(model.log_likelihood)(as_arrays(TRUTH), data, jnp.asarray(TIMES, float))
    assert value.dtype == jnp.float32
    assert float(value) == pytest.approx(TIMES @ pruned(UNROOTED, TRUTH, SITES), rel=1e-6)


def test_it_is_explained_as_a_tree(fit):
    words = str(jaxem.explain(fit.model, observed(UNROOTED, SITES), weights=TIMES))
    assert "Tree(8 nodes, 4)" in words and f"tree: {len(SITES)} data of 8 nodes" in words
