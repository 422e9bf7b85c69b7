"""Every kind of chain against enumeration of all paths, Fisher's identity and its own ascent."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import constraints

import jaxem

from .variants import LENGTHS, VARIANTS

#: Each is near another one that stays in the ordinary run.
LONG = {
    "driven",
    "factorial",
    "masked",
    "of_pairs",
    "tied",
    "left_right",
    "fixed",
    "stationary",
    "of_two_kinds",
    "second_order",
}


@pytest.fixture(
    scope="module",
    params=[pytest.param(v, marks=pytest.mark.long if v in LONG else ()) for v in VARIANTS],
)
def variant(request):
    return VARIANTS[request.param]()


def brute_force(model, params, data):
    """Log likelihoods and posterior of states, path by path, by the person's own function."""
    states = [
        jax.tree.map(lambda s, k=k: s[k], model.latent.states()) for k in range(model.latent.size)
    ]
    total = np.empty(len(LENGTHS))
    responsibilities = np.zeros((len(LENGTHS), max(LENGTHS), len(states)))
    for n, length in enumerate(LENGTHS):
        rows = [jax.tree.map(lambda leaf, t=t, n=n: leaf[n, t], data) for t in range(length)]
        first = [model.log_joint(params, None, z, rows[0]) for z in states]
        steps = [
            [[model.log_joint(params, a, b, row) for b in states] for a in states]
            for row in rows[1:]
        ]
        first, steps = np.asarray(first), np.asarray(steps)
        logs = {
            path: first[path[0]]
            + sum(steps[t, a, b] for t, (a, b) in enumerate(itertools.pairwise(path)))
            for path in itertools.product(range(len(states)), repeat=int(length))
        }
        evidence = np.logaddexp.reduce(list(logs.values()))
        total[n] = evidence
        for path, score in logs.items():
            for t, z in enumerate(path):
                responsibilities[n, t, z] += np.exp(score - evidence)
    return total, responsibilities


def as_arrays(start):
    return jax.tree.map(jnp.asarray, start, is_leaf=lambda leaf: isinstance(leaf, list))


def test_evidence_and_posterior_are_sums_over_paths(variant):
    model, data, start = variant
    fit = jaxem.fit(model, data, lengths=LENGTHS, init=start, max_steps=0)
    total, responsibilities = brute_force(model, as_arrays(start), data)
    assert fit.log_likelihood == pytest.approx(total.sum(), abs=1e-10)
    found = fit.responsibilities(data, lengths=LENGTHS)
    np.testing.assert_allclose(found, responsibilities, atol=1e-11)
    np.testing.assert_allclose(fit.log_density(data, lengths=LENGTHS), total, atol=1e-10)


def test_the_gradient_of_q_is_that_of_the_log_posterior(variant):
    model, data, start = variant
    params = as_arrays(start)
    q = jaxem.expected_log_joint(model, data, at=params, lengths=LENGTHS)

    @jax.jit
    def both(params):
        def objective(p):
            return model.log_likelihood(p, data, lengths=LENGTHS) + model.log_prior(p)

        return jax.grad(objective)(params), jax.grad(q)(params)

    slope, found = both(params)
    for name in slope:
        np.testing.assert_allclose(found[name], slope[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.long
def test_weights_multiply_the_sums_of_sequences():
    model, data, start = VARIANTS["second_order"]()
    weights = np.array([2.5, 0.0, 0.5])
    fit = jaxem.fit(model, data, lengths=LENGTHS, weights=weights, init=start, max_steps=0)
    evidence, _ = brute_force(model, as_arrays(start), data)
    assert fit.log_likelihood == pytest.approx(weights @ evidence, abs=1e-10)


def test_a_mixture_of_markov_chains_is_a_sum_over_classes():
    """Nothing is hidden but the class of a sequence: rows are sequences, their steps are data."""

    def log_joint(p, z, x):
        rows = jnp.log(p["rows"])[z]
        there = jnp.arange(x["y"].shape[0]) < x["length"]
        steps = jnp.where(there[1:], rows[x["y"][:-1], x["y"][1:]], 0.0)
        return jnp.log(p["weights"])[z] + jnp.log(p["first"])[z, x["y"][0]] + steps.sum()

    simplex = jaxem.flat((2, 2), constraints.simplex)
    prior = {
        "weights": jaxem.flat((2,), constraints.simplex),
        "first": simplex,
        "rows": jaxem.flat((2, 2, 2), constraints.simplex),
    }
    model = jaxem.Model(log_joint, jaxem.Finite(2), prior)
    y = np.array([[0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]])
    lengths = np.array([4, 1, 3, 4])
    start = {
        "weights": [0.3, 0.7],
        "first": [[0.5, 0.5], [0.2, 0.8]],
        "rows": [[[0.7, 0.3], [0.2, 0.8]], [[0.4, 0.6], [0.5, 0.5]]],
    }
    fit = jaxem.fit(model, {"y": y, "length": lengths}, init=start, max_steps=1, tolerance=0)
    joint = np.empty((4, 2))
    counts = np.zeros((4, 2, 2))
    for n, z in itertools.product(range(4), range(2)):
        path = y[n, : lengths[n]]
        joint[n, z] = start["weights"][z] * start["first"][z][path[0]]
        for a, b in itertools.pairwise(path):
            joint[n, z] *= start["rows"][z][a][b]
            counts[n, a, b] += z == 0
    assert fit.trace[0] == pytest.approx(np.log(joint.sum(1)).sum(), abs=1e-12)
    responsibilities = joint / joint.sum(1, keepdims=True)
    expected = np.einsum("nz,nab->zab", responsibilities, counts)
    np.testing.assert_allclose(
        fit.params["rows"], expected / expected.sum(-1, keepdims=True), rtol=1e-10
    )


def test_the_objective_never_falls(variant):
    model, data, start = variant
    fit = jaxem.fit(model, data, lengths=LENGTHS, init=start, max_steps=8, tolerance=0)
    assert np.all(np.diff(fit.trace) > -1e-9)
    assert fit.trace[-1] > fit.trace[0]
