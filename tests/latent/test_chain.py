"""Chains against sums over all paths, in Python."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem import Chain, DeclarationError
from jaxem.latent.links import Dense, Links, Split

S, T = 3, 5
LENGTHS = np.array([5, 1, 3, 4])
VALID = np.arange(1, T)[:, None] < LENGTHS


# Compiled once for all cases of equal shapes.
posterior, hard, mode, filter_ = map(
    jax.jit, (Chain(S).posterior, Chain(S).hard, Chain(S).mode, Chain(S).filtered)
)


@jax.jit
@functools.partial(jax.grad, argnums=(0, 1))
def slope(start, steps, valid):
    """The derivative rule of the package."""
    return Chain(S).log_partition(Links(start, steps, valid)).sum()


@jax.jit
@functools.partial(jax.grad, argnums=(0, 1))
def literal_slope(start, steps):
    """JAX's derivative of the recursion written out; -1e30 stands for a logarithm of zero."""
    alpha = start
    for t in range(T - 1):
        if isinstance(steps, Dense):
            here = steps.factors[t]
        else:
            here = steps.transition + steps.emission[t][:, None, :]
        through = jnp.maximum(alpha[:, :, None] + here, -1e30)
        moved = jax.nn.logsumexp(through, axis=1)
        alpha = jnp.where(VALID[t][:, None], moved, alpha)
    total = jax.nn.logsumexp(jnp.maximum(alpha, -1e30), axis=-1)
    return jnp.where(total > -1e20, total, 0.0).sum()


def dense(seed=0, zeros=0.0, scale=2.0):
    """Random factors of four sequences of unequal length, some of them -inf."""
    rng = np.random.default_rng(seed)
    n = len(LENGTHS)
    start, steps = scale * rng.normal(size=(n, S)), scale * rng.normal(size=(T - 1, n, S, S))
    steps[rng.random(steps.shape) < zeros] = -np.inf
    return Links(jnp.asarray(start), Dense(jnp.asarray(steps)), jnp.asarray(VALID))


def split(seed=1, zeros=0.0):
    """The same, one transition matrix and emissions."""
    rng = np.random.default_rng(seed)
    n = len(LENGTHS)
    transition = rng.normal(size=(S, S))
    transition[rng.random((S, S)) < zeros] = -np.inf
    emission = 3 * rng.normal(size=(T - 1, n, S))
    steps = Split(jnp.asarray(transition), jnp.asarray(emission))
    return Links(jnp.asarray(rng.normal(size=(n, S))), steps, jnp.asarray(VALID))


def left_right():
    """A state that underflows at the second step and alone can go on at the third."""
    steps = np.full((T - 1, len(LENGTHS), S, S), -np.inf)
    steps[0, :, 0] = [0.0, -5000.0, -np.inf]
    steps[1, :, 1, 2] = 0.0
    steps[2:, :, 2, 2] = -3.0
    start = np.full((len(LENGTHS), S), -np.inf)
    start[:, 0] = -1.0
    return Links(jnp.asarray(start), Dense(jnp.asarray(steps)), jnp.asarray(VALID))


def outlier():
    """Emissions so far out that the best state is unreachable."""
    links = split(4)
    emission = links.steps.emission.at[1, :, 2].add(4000.0)
    transition = jnp.where(jnp.arange(S) == 2, -jnp.inf, links.steps.transition)
    return links._replace(steps=Split(transition, emission))


CASES = {
    "dense": dense(),
    "dense with zeros": dense(2, zeros=0.3),
    "wide range": dense(3, scale=200.0),
    "split": split(),
    "split with zeros": split(5, zeros=0.2),
    "underflow": left_right(),
    "outlier": outlier(),
}
EVERY = pytest.mark.parametrize("links", CASES.values(), ids=CASES)


def full(links):
    """Factors (T - 1, n, S, S) as a NumPy array."""
    if isinstance(links.steps, Dense):
        return np.asarray(links.steps.factors, float)
    steps = links.steps
    return np.asarray(steps.transition + steps.emission[:, :, None, :], float)


def paths(links, n):
    """Every path of sequence n and its log joint."""
    factors, start = full(links)[:, n], np.asarray(links.start, float)[n]
    every = list(itertools.product(range(S), repeat=int(LENGTHS[n])))
    scores = [
        start[z[0]] + sum(factors[t, a, b] for t, (a, b) in enumerate(itertools.pairwise(z)))
        for z in every
    ]
    return every, np.asarray(scores)


def enumerate_(links, n):
    """Evidence, and expected starts and pairs, summed over all paths."""
    every, scores = paths(links, n)
    start, pairs = np.zeros(S), np.zeros((T - 1, S, S))
    top = scores.max()
    if top == -np.inf:
        return -np.inf, start, pairs
    weights = np.exp(scores - top)
    for z, w in zip(every, weights / weights.sum(), strict=True):
        start[z[0]] += w
        for t, (a, b) in enumerate(itertools.pairwise(z)):
            pairs[t, a, b] += w
    return top + np.log(weights.sum()), start, pairs


def assert_posterior(links, evidence, marginals, rtol, atol):
    for n in range(len(LENGTHS)):
        value, start, pairs = enumerate_(links, n)
        np.testing.assert_allclose(evidence[n], value, rtol=rtol, atol=atol)
        np.testing.assert_allclose(marginals.start[n], start, atol=atol)
        if isinstance(links.steps, Dense):
            np.testing.assert_allclose(marginals.steps.factors[:, n], pairs, atol=atol)
        else:
            np.testing.assert_allclose(marginals.steps.transition[n], pairs.sum(0), atol=atol)
            np.testing.assert_allclose(marginals.steps.emission[:, n], pairs.sum(1), atol=atol)


@EVERY
def test_posterior_is_a_sum_over_all_paths(links):
    assert_posterior(links, *posterior(links), 1e-12, 1e-11)


@EVERY
def test_posterior_in_single_precision(links, float32):
    single = jax.tree.map(
        lambda a: jnp.asarray(a, jnp.float32) if a.dtype == np.float64 else jnp.asarray(a),
        jax.tree.map(np.asarray, links),
    )
    evidence, marginals = posterior(single)
    assert evidence.dtype == jnp.float32
    assert_posterior(single, evidence, marginals, 2e-6, 3e-5)


@EVERY
def test_marginals_are_the_gradient_of_the_evidence(links):
    """JAX's rule for the recursion written out, where it has a derivative."""
    expected = literal_slope(links.start, links.steps)
    found = slope(links.start, links.steps, links.valid)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, np.nan_to_num(b), atol=1e-10)


@EVERY
def test_the_best_path_is_the_best_of_all(links):
    value, indicators = hard(links)
    path = np.asarray(mode(links))
    for n, length in enumerate(LENGTHS):
        every, scores = paths(links, n)
        np.testing.assert_allclose(value[n], scores.max(), rtol=1e-13)
        if np.isfinite(scores.max()):
            chosen = tuple(path[:length, n].tolist())
            np.testing.assert_allclose(scores[every.index(chosen)], scores.max(), rtol=1e-13)
        assert float(indicators.start[n].sum()) == float(np.isfinite(scores.max()))


@EVERY
def test_filtered_is_the_posterior_of_the_data_so_far(links):
    filtered = np.asarray(filter_(links))
    np.testing.assert_allclose(filtered[0], jax.nn.softmax(links.start), atol=1e-12)
    for n, length in enumerate(LENGTHS):
        if not np.isfinite(paths(links, n)[1].max()):
            continue
        factors, start = full(links)[:, n], np.asarray(links.start)[n]
        for t in range(1, length):
            logs = np.full(S, -np.inf)
            for z in itertools.product(range(S), repeat=t + 1):
                moves = enumerate(itertools.pairwise(z))
                score = start[z[0]] + sum(factors[k, a, b] for k, (a, b) in moves)
                logs[z[-1]] = np.logaddexp(logs[z[-1]], score)
            np.testing.assert_allclose(
                filtered[t, n],
                np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum(),
                atol=1e-11,
            )


def test_draws_of_paths_have_their_posterior():
    links = dense()
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = np.asarray(jax.jit(jax.vmap(lambda k: Chain(S).sample(links, k)))(keys))
    for n, length in enumerate(LENGTHS):
        every, scores = paths(links, n)
        chance = np.exp(scores - scores.max())
        chance /= chance.sum()
        found = {}
        for path in drawn[:, :length, n].tolist():
            found[tuple(path)] = found.get(tuple(path), 0) + 1 / len(drawn)
        distance = sum(abs(found.get(z, 0.0) - c) for z, c in zip(every, chance, strict=True))
        assert distance < 0.25
        best = int(np.argmax(chance))
        assert abs(found.get(every[best], 0.0) - chance[best]) < 5 * np.sqrt(0.25 / len(drawn))


def test_a_long_chain_underflows_nowhere():
    """Ten thousand steps, against the product of matrices in extended steps."""
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(10_000, 1, S, S)) - 50.0
    links = Links(jnp.zeros((1, S)), Dense(jnp.asarray(steps)), jnp.ones((10_000, 1), bool))
    vector, total = np.ones(S), 0.0
    for matrix in steps[:, 0]:
        vector = vector @ np.exp(matrix + 50.0)
        total += np.log(vector.sum()) - 50.0
        vector /= vector.sum()
    evidence, marginals = posterior(links)
    np.testing.assert_allclose(evidence[0], total, rtol=1e-12)
    np.testing.assert_allclose(marginals.steps.factors.sum((-1, -2)), 1.0, rtol=1e-11)


def test_a_million_steps_underflow_nowhere():
    """Every step is alike, and a thousand nats unlikely: the evidence is a power of a matrix."""
    count = 1_000_000
    matrix = np.array([[0.9, 0.1], [0.3, 0.7]]) * np.exp([0.0, -1.0])
    emission = jnp.broadcast_to(jnp.asarray([-1000.0, -1001.0]), (count, 1, 2))
    transition = jnp.log(jnp.array([[0.9, 0.1], [0.3, 0.7]]))
    start = jnp.log(jnp.array([[0.5, 0.5]]))
    links = Links(start, Split(transition, emission), jnp.ones((count, 1), bool))
    values, vectors = np.linalg.eig(matrix)
    share = (0.5 * vectors.sum(0)) * np.linalg.solve(vectors, np.ones(2))
    top = values.argmax()
    expected = count * (np.log(values[top]) - 1000.0) + np.log(share[top])
    found = jax.jit(Chain(2).log_partition)(links)
    np.testing.assert_allclose(found[0], expected, rtol=1e-13)


def test_an_impossible_sequence_has_no_posterior_and_spoils_no_other():
    links = dense()
    steps = links.steps.factors.at[1, 2].set(-jnp.inf)
    broken = links._replace(steps=Dense(steps))
    evidence, marginals = posterior(broken)
    assert evidence[2] == -jnp.inf
    assert float(marginals.start[2].sum()) == 0.0
    sound, _ = posterior(links)
    np.testing.assert_allclose(np.delete(evidence, 2), np.delete(sound, 2), rtol=1e-12)
    assert np.all(np.isfinite(jax.tree.leaves(marginals)[1]))


def test_names_enumerate_the_first_slowest():
    chain = Chain(level=3, season=2)
    pairs = zip(*(chain.states()[name].tolist() for name in ("level", "season")), strict=True)
    assert list(pairs) == list(itertools.product(range(3), range(2)))
    assert (
        chain.size == 6 and chain.configurations == 42 and repr(chain) == "Chain(level=3, season=2)"
    )


@pytest.mark.parametrize("given", [(0,), (2.5,), (True,), ()])
def test_what_is_no_number_of_states_is_explained(given):
    with pytest.raises(DeclarationError, match="Chain"):
        Chain(*given)
