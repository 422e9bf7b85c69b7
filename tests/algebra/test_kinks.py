"""Kinks of the log prior are found by what they do, whatever density makes them."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem.algebra.kinks import BENDS, find_kinks
from jaxem.algebra.penalty import Penalty
from jaxem.algebra.plan import kinks_of


def kinks(prior, factor=None):
    return kinks_of(model(prior, factor))


def model(prior, factor=None):
    positive = jaxem.flat((), constraints.positive)
    return jaxem.Model(
        lambda p, z, x: 0.0, jaxem.Finite(1), {"a": prior, "scale": positive}, factor=factor
    )


FOUND = {
    "laplace": ((dist.Laplace(0.3, 0.5).expand((3,)),), [0.3, 0.3, 0.3]),
    "far away": ((dist.Laplace(1e8 / 3, 0.5),), 1e8 / 3),
    "elastic net": ((jaxem.penalty((2,), l1=2.0, l2=3.0, at=-1e-7),), [-1e-7, -1e-7]),
    "as a factor, of some": (
        (jaxem.flat((3,)), lambda p: -2 * jnp.abs(p["a"][:2]).sum() - p["a"] @ p["a"]),
        [0, 0, np.nan],
    ),
    "scad": (
        (
            jaxem.flat((2,)),
            lambda p: -jnp.where(jnp.abs(p["a"]) < 1, jnp.abs(p["a"]), 1.0).sum(),
        ),
        [0, 0],
    ),
    "of unknown strength": ((lambda p: dist.Laplace(0.0, p["scale"]).expand((2,)),), [0, 0]),
}

SMOOTH = {
    "student": (dist.StudentT(3.0, 0.2, 1.0),),
    "huber": (
        jaxem.flat((2,)),
        lambda p: -jnp.where(jnp.abs(p["a"]) < 1, p["a"] ** 2 / 2, jnp.abs(p["a"]) - 0.5).sum(),
    ),
    "steep": (jaxem.flat(()), lambda p: -jnp.logaddexp(1e3 * p["a"], -1e3 * p["a"])),
    "pole": (jaxem.flat((2,)), lambda p: -jnp.log(jnp.abs(p["a"])).sum()),
    "bridge": (jaxem.flat((2,)), lambda p: -(jnp.abs(p["a"]) ** 1.2).sum()),
}

REFUSED = {
    "moving": ((lambda p: dist.Laplace(p["scale"], 1.0),), "moves with other parameters"),
    "two": ((dist.Laplace(0.0, 1.0), lambda p: -jnp.abs(p["a"] - 1)), "several kinks"),
    "tied": ((jaxem.flat((3,)), lambda p: -jnp.max(jnp.abs(p["a"]))), "tie entries"),
}


@pytest.mark.parametrize("name", FOUND)
def test_it_is_found_to_the_last_bit(name):
    prior, places = FOUND[name]
    found = kinks(*prior)
    assert not found.refused
    np.testing.assert_array_equal(found.centres["a"], places)


@pytest.mark.parametrize("name", SMOOTH)
def test_what_only_looks_like_one_is_none(name):
    found = kinks(*SMOOTH[name])
    assert not found.centres and not found.refused


@pytest.mark.parametrize("name", REFUSED)
def test_one_that_a_threshold_does_not_serve_is_told(name):
    prior, words = REFUSED[name]
    found = kinks(*prior)
    assert not found.centres
    assert words in found.words("a")


def test_a_prior_without_bends_costs_nothing():
    assert not model(dist.Normal(0.0, 1.0).expand((3,))).prior_passes(["a"], BENDS)
    found = find_kinks(model(dist.Cauchy(0.0, 1.0)), lambda f: pytest.fail("it was compiled"))
    assert not found.centres


def test_strength_and_what_is_left():
    """With the absolute values taken out the slope at the kink is that of the rest, 5."""
    told = model(
        lambda p: dist.Laplace(0.7, p["scale"]).expand((2,)), lambda p: 5 * jnp.sum(p["a"])
    )
    penalty = Penalty(told, kinks_of(told).centres)
    values = {"a": jnp.array([0.7, 2.0]), "scale": jnp.asarray(0.25)}
    np.testing.assert_allclose(penalty.strengths(values)["a"], 4.0, rtol=1e-12)
    np.testing.assert_array_equal(penalty.resting(values)["a"], [True, False])

    def smooth(values):
        return told.prior_density(values) + penalty.absolute(values)

    slope = jax.grad(smooth)(penalty.aside(values))
    np.testing.assert_allclose(slope["a"], 5.0, rtol=1e-12)
    # The scale's own slope stays whole: -1/scale twice, and |a - 0.7| / scale^2.
    np.testing.assert_allclose(slope["scale"], -2 / 0.25 + 1.3 / 0.25**2, rtol=1e-12)
    np.testing.assert_allclose(penalty.steepest(values, slope)["a"], [1.0, 1.0], rtol=1e-12)
