"""Every kind of chain against enumeration of all paths, Fisher's identity and its own ascent."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem

from .variants import LENGTHS, VARIANTS


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request):
    return VARIANTS[request.param]()


def brute_force(model, params, data):
    """Log likelihood and posterior of states, path by path, by the person's own function."""
    states = [
        jax.tree.map(lambda s, k=k: s[k], model.latent.states()) for k in range(model.latent.size)
    ]
    total = 0.0
    shares = np.zeros((len(LENGTHS), max(LENGTHS), len(states)))
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
        total += evidence
        for path, score in logs.items():
            for t, z in enumerate(path):
                shares[n, t, z] += np.exp(score - evidence)
    return total, shares


def as_arrays(start):
    return jax.tree.map(jnp.asarray, start, is_leaf=lambda leaf: isinstance(leaf, list))


def test_evidence_and_posterior_are_sums_over_paths(variant):
    model, data, start = variant
    fit = jaxem.fit(model, data, lengths=LENGTHS, init=start, max_steps=0)
    total, shares = brute_force(model, as_arrays(start), data)
    assert fit.log_likelihood == pytest.approx(total, abs=1e-10)
    found = fit.responsibilities(data, lengths=LENGTHS)
    np.testing.assert_allclose(found, shares, atol=1e-11)
    np.testing.assert_allclose(fit.log_density(data, lengths=LENGTHS).sum(), total, atol=1e-10)


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


def test_the_objective_never_falls(variant):
    model, data, start = variant
    fit = jaxem.fit(model, data, lengths=LENGTHS, init=start, max_steps=8, tolerance=0)
    assert np.all(np.diff(fit.trace) > -1e-9)
    assert fit.trace[-1] > fit.trace[0]
