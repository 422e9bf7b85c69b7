"""Restarts side by side give what each of them gives alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxem.latent.products import Products, posterior_sums

RESTARTS, COUNT, LATER, STATES, WIDTH = 8, 16, 11, 3, 4

PARAMETERS = Products(0, 0, 0, None, None, None)  # pyright: ignore[reportArgumentType]
ALL_TOGETHER = jax.jit(jax.vmap(posterior_sums, in_axes=(PARAMETERS,)))
ALONE = jax.jit(posterior_sums)


def draw(steepness: float) -> Products:
    """Restarts of sequences of unequal lengths, one of weight zero."""
    rng = np.random.default_rng(3)
    transition = rng.normal(size=(RESTARTS, STATES, STATES))
    transition[:, 0, 2] = -np.inf
    lengths = rng.integers(0, LATER + 1, COUNT)
    weights = rng.uniform(0.5, 2, COUNT)
    weights[4] = 0
    coefficients = steepness * rng.normal(size=(RESTARTS, STATES, WIDTH))
    return Products(
        start=jnp.asarray(rng.normal(size=(RESTARTS, COUNT, STATES))),
        transition=jnp.asarray(transition),
        coefficients=jnp.asarray(coefficients),
        features=jnp.asarray(rng.normal(size=(LATER, COUNT, WIDTH))),
        valid=jnp.asarray(np.arange(LATER)[:, None] < lengths),
        weights=jnp.asarray(weights),
    )


def alone(problem: Products, restart: int) -> Products:
    return problem._replace(
        start=problem.start[restart],
        transition=problem.transition[restart],
        coefficients=problem.coefficients[restart],
    )


def assert_each_is_as_alone(problem: Products) -> None:
    together = ALL_TOGETHER(problem)
    for restart in range(RESTARTS):
        expected = ALONE(alone(problem, restart))
        for name, value in expected._asdict().items():
            found = getattr(together, name)[restart]
            np.testing.assert_allclose(found, value, rtol=1e-11, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("steepness", [1.0, 400.0])
def test_restarts_side_by_side_are_as_each_alone(steepness):
    """The steep ones underflow, and are done again in logarithms."""
    assert_each_is_as_alone(draw(steepness))


def test_a_restart_that_is_impossible_leaves_the_others_alone():
    problem = draw(1.0)
    barred = problem._replace(start=problem.start.at[2, 5].set(-jnp.inf))
    assert_each_is_as_alone(barred)
    found = ALL_TOGETHER(barred)
    assert np.isneginf(found.evidence[2, 5])
    assert np.isfinite(np.delete(found.evidence, 2, 0)).all()


def test_posteriors_of_a_sequence_have_its_weight():
    problem = draw(1.0)
    found = ALL_TOGETHER(problem)
    np.testing.assert_allclose(found.start.sum(2), np.tile(problem.weights, (RESTARTS, 1)))
    steps = (problem.weights * problem.valid).sum()
    np.testing.assert_allclose(found.pairs.sum((1, 2)), steps)
