"""Segments of long sequences, side by side, against the sequences whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem import Chain
from jaxem.latent import scaled, segments
from jaxem.latent.columns import columns
from jaxem.latent.links import Dense, Links, Split

S = 3

posterior = jax.jit(Chain(S).posterior)


def long_links(kind, dtype=np.float64):
    """Three sequences of unequal length, long enough to be cut into segments."""
    rng = np.random.default_rng(7)
    later, n = 1024, 3
    transition, emission = rng.normal(size=(S, S)), -8 * rng.random((later, n, S))
    start = rng.normal(size=(n, S))
    if kind == "absorbing":
        transition = np.where(np.tri(S, dtype=bool).T, 0.0, -np.inf)
        emission[:, :, 1:] -= 400 * (np.arange(later) < 300)[:, None, None]
        start = np.array([[0.0, -np.inf, -np.inf]] * n)
    if kind == "underflow":
        transition[0, 1] = transition[2, 1] = -np.inf
        emission[500, :, 1], emission[501] = -3000.0, [-9000.0, 0.0, -9000.0]
    ends = np.array([1025, 700, 1])
    steps = Split(*(jnp.asarray(a, dtype) for a in (transition, emission)))
    if kind == "dense":
        steps = Dense(steps.transition + steps.emission[:, :, None, :])
    valid = jnp.asarray(np.arange(1, later + 1)[:, None] < ends)
    return Links(jnp.asarray(start, dtype), steps, valid)


# Traced below only, where nothing is cut.
uncut = jax.jit(lambda links: Chain(S).posterior(links))


def whole(links, monkeypatch):
    """The same posterior without segments."""
    monkeypatch.setattr(segments, "_WIDE", 1)
    assert segments.segments(links).count == 1
    return uncut(links)


@pytest.mark.parametrize("kind", ["split", "dense", "absorbing", "underflow"])
def test_segments_side_by_side_are_the_whole(kind, monkeypatch):
    links = long_links(kind)
    parts = segments.segments(links)
    assert parts.count == 16
    agree = parts.agree(scaled.forward(columns(parts.links))[0])
    assert bool(agree) or kind == "underflow"
    found, expected = map(jax.tree.leaves, (posterior(links), whole(links, monkeypatch)))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


def test_segments_in_single_precision(float32, monkeypatch):
    links = long_links("split", np.float32)
    (evidence, responsibilities), (value, expected) = posterior(links), whole(links, monkeypatch)
    np.testing.assert_allclose(evidence, value, rtol=1e-5)
    np.testing.assert_allclose(responsibilities.start, expected.start, atol=1e-4)
    np.testing.assert_allclose(responsibilities.steps.emission, expected.steps.emission, atol=1e-4)


def test_messages_that_are_wrong_are_noticed():
    parts = segments.segments(long_links("split"))
    start = parts.links.start.at[7].set(jnp.log(jnp.array([0.5, 0.3, 0.2])))
    wrong = parts._replace(links=parts.links._replace(start=start))
    assert not bool(wrong.agree(scaled.forward(columns(wrong.links))[0]))
