"""Draws of the latent states, given draws of the parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints
from scipy import stats

import jaxem

from .problems import PAIRS, fitted, mixture


def product():
    """Two causes with names, one of them never together with small counts."""

    def log_joint(params, z, x):
        rate = params["rate"][z["season"]] * jnp.where(z["fault"] == 1, 4.0, 1.0)
        kind = jnp.log(jnp.array([0.5, 0.3, 0.2])[z["season"]]) + jnp.log(
            jnp.where(z["fault"] == 1, params["fault"], 1 - params["fault"])
        )
        impossible = (z["fault"] == 1) & (x < 2)
        return jnp.where(impossible, -jnp.inf, kind + dist.Poisson(rate).log_prob(x))

    return jaxem.Model(
        log_joint,
        jaxem.Finite(season=3, fault=2),
        {"rate": dist.Gamma(jnp.full(3, 2.0), 1.0), "fault": dist.Beta(1.0, 1.0)},
    )


def test_frequencies_are_responsibilities():
    """Equal draws of the parameters: the states are independent draws from one posterior."""
    fit, count = fitted("means"), 4000
    values = fit.model.flatten(fit.params)
    draws = {k: np.tile(v, (count, *[1] * np.ndim(v))) for k, v in values.items()}
    states = jaxem.posterior.latents(fit, draws, PAIRS, key=2)
    assert states.shape == (count, len(PAIRS)) and states.dtype == np.int32
    share = np.asarray(fit.responsibilities(PAIRS))[:, 1]
    hits = stats.binom(count, share)
    found = np.asarray(states).sum(0)
    assert np.minimum(hits.cdf(found), hits.sf(found - 1)).min() > 1e-6
    unsure = (share > 0.03) & (share < 0.97)  # rarer ones have no normal limit
    assert unsure.sum() >= 2
    together = np.corrcoef(np.asarray(states)[:, unsure].T)
    assert np.abs(together - np.eye(len(together))).max() < 5 / np.sqrt(count)


def test_named_parts_chains_and_structural_zeros():
    model, x = product(), np.array([0, 1, 2, 9, 25])
    rng = np.random.default_rng(0)
    draws = {"rate": rng.gamma(2.0, 2.0, (2, 700, 3)), "fault": rng.uniform(0.2, 0.8, (2, 700))}
    states = jaxem.posterior.latents(model, draws, x)
    assert set(states) == {"season", "fault"}
    assert all(part.shape == (2, 700, 5) for part in states.values())
    fault = np.asarray(states["fault"]).reshape(-1, 5)
    assert fault[:, :2].max() == 0 and fault[:, 3].max() == 1
    flat = {k: jnp.asarray(v.reshape(1400, *v.shape[2:])) for k, v in draws.items()}
    table = np.asarray(jax.jit(jax.vmap(lambda v: model.log_factors(v, x)))(flat))
    responsibilities = np.exp(table - np.logaddexp.reduce(table, -1)[..., None]).reshape(
        1400, 5, 3, 2
    )
    exact = responsibilities.sum(2)[..., 1].mean(0)
    spread = np.sqrt(
        (responsibilities.sum(2)[..., 1] * responsibilities.sum(2)[..., 0]).mean(0) / 1400
    )
    assert np.all(np.abs(fault.mean(0) - exact) < 5 * spread + 1e-12)


def test_blocks_of_rows_and_nested_draws():
    """More rows than a block holds; every row is answered by its own data."""
    model = mixture()
    x = np.where(np.arange(300_000) % 2 == 0, -50.0, 50.0)
    draws = {
        "part": {"loc": np.array([[-50.0, 50.0], [50.0, -50.0]]), "scale": np.ones((2, 2))},
        "weights": np.full((2, 2), 0.5),
        "centre": np.zeros(2),
    }
    states = np.asarray(jaxem.posterior.latents(model, draws, x))
    odd = np.arange(300_000) % 2
    np.testing.assert_array_equal(states, [odd, 1 - odd])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": None}, "draws lacks parameter 'weights'"),
        ({"weights": np.full((4, 3), 1 / 3)}, r"has shape \(4, 3\); expected one or more axes"),
        ({"centre": np.zeros(3)}, "the same axes of draws"),
    ],
)
def test_draws_of_another_model_are_refused(change, words):
    draws = {
        "part.loc": np.zeros((4, 2)),
        "part.scale": np.ones((4, 2)),
        "weights": np.full((4, 2), 0.5),
        "centre": np.zeros(4),
        **change,
    }
    given = {k: v for k, v in draws.items() if v is not None}
    with pytest.raises(jaxem.DeclarationError, match=words):
        jaxem.posterior.latents(mixture(), given, PAIRS)


def test_what_a_draw_makes_impossible_has_no_state():
    """Rows alone, and sequences as a whole."""
    draws = {"w": np.full((3, 2), 0.5), "low": np.array([[0.0, 1.0], [0.0, 1.0], [5.0, 6.0]])}
    prior = {"w": jaxem.flat((2,), constraints.simplex), "low": jaxem.flat((2,))}

    def log_joint(p, *args):
        z, x = args[-2:]
        return jnp.log(p["w"][z]) + dist.Uniform(p["low"][z], p["low"][z] + 1.0).log_prob(x)

    rows = jaxem.Model(lambda p, z, x: log_joint(p, z, x), jaxem.Finite(2), prior)
    steps = jaxem.Model(lambda p, y, z, x: log_joint(p, y, z, x), jaxem.Chain(2), prior)
    with pytest.warns(UserWarning, match="3 of 3 rows or sequences are impossible"):
        states = jaxem.posterior.latents(rows, draws, np.array([0.5, 1.5, 0.2]))
    np.testing.assert_array_equal(states, [[0, 1, 0], [0, 1, 0], [-1, -1, -1]])
    with pytest.warns(UserWarning, match="1 of 1 rows or sequences"):
        states = jaxem.posterior.latents(steps, draws, np.array([[0.5, 1.5, 0.2]]))
    np.testing.assert_array_equal(states[:, 0], [[0, 1, 0], [0, 1, 0], [-1, -1, -1]])
