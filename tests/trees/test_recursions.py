"""Trees against sums over the states of all nodes, in Python; and the order of their rounds."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem import DeclarationError, Tree
from jaxem.latent.links import Dense, Links, Split
from jaxem.latent.rounds import in_rounds

S, DATA = 3, 3

SHAPES = {
    "binary": (-1, 0, 0, 1, 1),
    "star": (-1, 0, 0, 0, 0),
    "caterpillar": (-1, 0, 0, 2, 2),
    "path": (-1, 0, 1, 2, 3),
    "out of depth": (-1, 0, 1, 0, 3),
}


def factors(kind, zeros=0.0):
    """Random factors of three data on five nodes."""
    rng = np.random.default_rng(7)
    start = jnp.asarray(2 * rng.normal(size=(DATA, S)))
    if kind == "dense":
        values = 2 * rng.normal(size=(4, DATA, S, S))
        values[rng.random(values.shape) < zeros] = -np.inf
        steps = Dense(jnp.asarray(values))
    else:
        transition = jnp.asarray(rng.normal(size=(S, S)))
        steps = Split(transition, jnp.asarray(rng.normal(size=(4, DATA, S))))
    return Links(start, steps, jnp.ones((4, DATA), bool))


def enumerate_(parents, links, n):
    """Every assignment of states to nodes, and its log joint."""
    steps = links.steps
    full = (
        steps.factors
        if isinstance(steps, Dense)
        else (steps.transition + steps.emission[:, :, None, :])
    )
    start, full = np.asarray(links.start)[n], np.asarray(full)[:, n]
    every = list(itertools.product(range(S), repeat=len(parents)))
    scores = [
        start[z[0]] + sum(full[i - 1, z[parents[i]], z[i]] for i in range(1, len(parents)))
        for z in every
    ]
    return np.asarray(every), np.asarray(scores)


@functools.cache
def compiled(parents):
    tree = Tree(parents, S)

    def all_of(links, keys):
        slope = jax.grad(
            lambda start, steps: tree.log_partition(Links(start, steps, links.valid)).sum(), (0, 1)
        )
        drawn = jax.vmap(lambda key: tree.sample(links, key))(keys)
        return tree.posterior(links), tree.best(links), slope(links.start, links.steps), drawn

    return jax.jit(all_of)


CASES = [(shape, "dense", 0.3) for shape in SHAPES] + [("binary", "split", 0.0)]


@pytest.mark.parametrize(("shape", "kind", "zeros"), CASES)
def test_everything_is_a_sum_over_assignments(shape, kind, zeros):
    parents, links = SHAPES[shape], factors(kind, zeros)
    keys = jax.random.split(jax.random.key(0), 3000)
    (evidence, responsibilities), (value, states), slope, drawn = compiled(parents)(links, keys)
    for n in range(DATA):
        every, scores = enumerate_(parents, links, n)
        total = np.logaddexp.reduce(scores)
        chance = np.exp(scores - total)
        assert float(evidence[n]) == pytest.approx(total, abs=1e-12)
        first = [chance[every[:, 0] == a].sum() for a in range(S)]
        np.testing.assert_allclose(responsibilities.start[n], first, atol=1e-13)
        pairs = np.zeros((len(parents) - 1, S, S))
        for i in range(1, len(parents)):
            np.add.at(pairs[i - 1], (every[:, parents[i]], every[:, i]), chance)
        if kind == "dense":
            np.testing.assert_allclose(responsibilities.steps.factors[:, n], pairs, atol=1e-13)
        else:
            np.testing.assert_allclose(
                responsibilities.steps.transition[n], pairs.sum(0), atol=1e-13
            )
            np.testing.assert_allclose(
                responsibilities.steps.emission[:, n], pairs.sum(1), atol=1e-13
            )
        assert float(value[n]) == pytest.approx(scores.max(), abs=1e-12)
        np.testing.assert_array_equal(states[:, n], every[scores.argmax()])
        seen = (np.asarray(drawn)[:, :, n] == every[scores.argmax()]).all(1).mean()
        assert abs(seen - chance.max()) < 5 * np.sqrt(0.25 / 3000)
        one = (np.asarray(drawn)[:, -1, n] == 0).mean()
        assert abs(one - chance[every[:, -1] == 0].sum()) < 5 * np.sqrt(0.25 / 3000)
    if kind == "dense":
        np.testing.assert_allclose(slope[0], responsibilities.start, atol=1e-13)
        np.testing.assert_allclose(slope[1].factors, responsibilities.steps.factors, atol=1e-13)
    else:
        np.testing.assert_allclose(
            slope[1].transition, responsibilities.steps.transition.sum(0), atol=1e-13
        )


@pytest.mark.parametrize("kind", ["dense", "split"])
def test_rows_that_only_fill_up_a_block_are_not_read(kind):
    links, tree = factors(kind), Tree(SHAPES["binary"], S)

    def more(leaf, value):
        return jnp.concatenate([leaf, jnp.full((3, *leaf.shape[1:]), value, leaf.dtype)])

    if kind == "dense":
        steps = Dense(more(links.steps.factors, jnp.nan))
    else:
        steps = links.steps._replace(emission=more(links.steps.emission, jnp.nan))
    longer = Links(links.start, steps, more(links.valid, False))
    value, slope = jax.value_and_grad(
        lambda start, steps: tree.log_partition(longer._replace(start=start, steps=steps)).sum(),
        argnums=(0, 1),
    )(longer.start, longer.steps)
    evidence, responsibilities = tree.posterior(longer)
    expected = tree.posterior(links)
    np.testing.assert_allclose(evidence, expected[0], rtol=1e-13)
    assert float(value) == pytest.approx(float(evidence.sum()), rel=1e-13)
    own, all_of = (
        (s.steps.factors if kind == "dense" else s.steps.emission)
        for s in (expected[1], responsibilities)
    )
    np.testing.assert_allclose(all_of[:4], own, atol=1e-13)
    assert np.all(np.asarray(all_of[4:]) == 0)
    moved = slope[1].factors if kind == "dense" else slope[1].emission
    np.testing.assert_allclose(moved, all_of, atol=1e-13)
    assert tree.mode(longer).shape == (8, DATA)
    assert tree.sample(longer, jax.random.key(0)).shape == (8, DATA)
    assert tree.hard(longer)[0].shape == (DATA,)


def test_an_impossible_datum_has_no_posterior_and_spoils_no_other():
    links = factors("dense")
    broken = links._replace(steps=Dense(links.steps.factors.at[2, 1].set(-jnp.inf)))
    keys = jax.random.split(jax.random.key(0), 3000)
    (evidence, responsibilities), (value, _), _, _ = compiled(SHAPES["binary"])(broken, keys)
    (sound, _), *_ = compiled(SHAPES["binary"])(links, keys)
    assert evidence[1] == -jnp.inf and value[1] == -jnp.inf
    assert (
        float(responsibilities.start[1].sum()) == 0.0
        and float(responsibilities.steps.factors[:, 1].sum()) == 0.0
    )
    np.testing.assert_allclose(np.delete(evidence, 1), np.delete(sound, 1), rtol=1e-13)
    assert np.all(np.isfinite(responsibilities.steps.factors))


def test_a_tree_of_one_node_is_a_mixture():
    tree = Tree([-1], S)
    start = jnp.asarray(np.random.default_rng(0).normal(size=(DATA, S)))
    links = Links(start, Dense(jnp.zeros((0, DATA, S, S))), jnp.ones((0, DATA), bool))
    evidence, responsibilities = tree.posterior(links)
    np.testing.assert_allclose(evidence, jax.nn.logsumexp(start, -1), rtol=1e-13)
    np.testing.assert_allclose(responsibilities.start, jax.nn.softmax(start, -1), rtol=1e-13)


@pytest.mark.parametrize("seed", range(4))
def test_rounds_come_after_their_parents_and_waste_little(seed):
    rng = np.random.default_rng(seed)
    long = [*range(-1, 200), *[0] * 300]  # a path, and a star at its root
    parents = long if seed == 0 else [-1, *(int(rng.integers(0, i)) for i in range(1, 400))]
    rounds = in_rounds(tuple(parents))
    count, done = len(parents), {0}
    for nodes, above in zip(rounds.nodes, rounds.parents, strict=True):
        there = nodes < count
        assert set(above[there]) <= done
        assert [parents[i] for i in nodes[there]] == above[there].tolist()
        assert np.all(above[~there] == count)
        done |= set(nodes[there].tolist())
    assert done == set(range(count))
    np.testing.assert_array_equal(rounds.nodes.ravel()[rounds.places], np.arange(1, count))
    assert rounds.nodes.size <= 2 * count + rounds.nodes.shape[1]


def test_a_program_does_not_grow_with_the_tree():
    def size(count):
        tree = Tree([-1, *((i - 1) // 2 for i in range(1, count))], 2)
        factors = Dense(jnp.zeros((count - 1, 1, 2, 2)))
        links = Links(jnp.zeros((1, 2)), factors, jnp.ones((count - 1, 1), bool))
        return str(jax.make_jaxpr(tree.posterior)(links)).count(" = ")

    assert size(7) == size(2047)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((3,), "parent of each node"),
        (([],), "parent of each node"),
        (([0, 0], 3), "node 0 is the root"),
        (([-1, 0, 3, 1], 3), r"parents\[2\] is 3"),
        (([-1, 0, -1], 3), "one root"),
        (([-1.0, 0.0], 3), "integers"),
        (([-1, 0], 0), "at least 1"),
        (([-1, 0],), "Tree takes"),
    ],
)
def test_what_is_no_tree_is_explained(given, words):
    with pytest.raises(DeclarationError, match=words):
        Tree(*given)


def test_a_tree_of_named_parts():
    tree = jaxem.Tree([-1, 0, 0], base=4, rate=2)
    assert tree.size == 8 and tree.nodes == 3 and tree.configurations == 72
    assert repr(tree) == "Tree(3 nodes, base=4, rate=2)"
