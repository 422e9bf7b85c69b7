"""A program's posterior: what it observes of its parameters apart from the rows belongs to it."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.diagnostics import effective_sample_size
from numpyro.infer.util import log_density

import jaxem
from jaxem.posterior.nuts import warn_of_divergences

TOSSES = np.array([1.0, 0, 1, 1, 0, 1, 1, 1, 0, 1])
EXACT = dist.Beta(2.0 + 7 + TOSSES.sum(), 2.0 + 3 + (1 - TOSSES).sum())


def coin(tosses):
    """A hidden state that does not matter; seven heads in ten throws were seen before."""
    heads = numpyro.sample("heads", dist.Beta(2.0, 2.0))
    numpyro.sample("before", dist.Binomial(10, heads), obs=7)
    with numpyro.plate("toss", len(tosses)):
        hand = numpyro.sample("hand", dist.Bernoulli(0.5))
        chance = jnp.where(hand == 1, heads, heads)
        numpyro.sample("tosses", dist.Bernoulli(chance), obs=tosses)


@pytest.fixture(scope="module")
def fit():
    return jaxem.fit(jaxem.from_numpyro(coin), {"tosses": TOSSES})


def test_the_mode(fit):
    a, b = EXACT.concentration1, EXACT.concentration0
    np.testing.assert_allclose(fit.params["heads"], (a - 1) / (a + b - 2), rtol=1e-6)


def test_the_way_back_to_numpyro(fit):
    back = jaxem.to_numpyro(fit.model, {"tosses": TOSSES})
    params = {"heads": jnp.asarray(0.3)}
    found, _ = log_density(back, (), {}, params)
    _, rows = fit.model.bind({"tosses": TOSSES})
    expected = fit.model.log_likelihood(params, rows) + fit.model.log_prior(params)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    exact = [EXACT.log_prob(p) for p in (0.3, 0.6)]
    other, _ = log_density(back, (), {}, {"heads": jnp.asarray(0.6)})
    np.testing.assert_allclose(found - other, exact[0] - exact[1], rtol=1e-10)


def test_draws_have_the_conjugate_moments(fit):
    mcmc = jaxem.posterior.nuts(fit, {"tosses": TOSSES}, chains=2, warmup=200, samples=800)
    chains = np.asarray(mcmc.get_samples(group_by_chain=True)["heads"])
    error = np.sqrt(EXACT.variance / effective_sample_size(chains))
    assert abs(chains.mean() - EXACT.mean) < 4 * error
    np.testing.assert_allclose(chains.std(), np.sqrt(EXACT.variance), rtol=0.15)


def test_laplace_and_the_hidden_states(fit):
    gaussian = jaxem.posterior.laplace(fit, {"tosses": TOSSES}, draws=4000)
    np.testing.assert_allclose(gaussian.draws["heads"].mean(), EXACT.mean, atol=0.01)
    hands = jaxem.posterior.latents(fit, gaussian.draws, {"tosses": TOSSES}, key=1)
    named = jax.tree.leaves(hands)[0]
    assert named.shape == (4000, len(TOSSES))
    np.testing.assert_allclose(named.mean(), 0.5, atol=0.02)


def hierarchy(y):
    """A prior that depends on another parameter."""
    centre = numpyro.sample("centre", dist.Normal(0.0, 2.0))
    weights = numpyro.sample("weights", dist.Dirichlet(2.0 * jnp.ones(2)))
    with numpyro.plate("kind", 2):
        loc = numpyro.sample("loc", dist.Normal(centre, 2.0))
    with numpyro.plate("data", len(y)):
        z = numpyro.sample("z", dist.Categorical(weights))
        numpyro.sample("y", dist.Normal(loc[z], 1.0), obs=y)


def test_a_hierarchy():
    y = np.concatenate([np.linspace(-3, -1, 15), np.linspace(2, 4, 25)])
    program = jaxem.from_numpyro(hierarchy)
    found = jaxem.fit(program, y, restarts=4)
    gaussian = jaxem.posterior.laplace(found, y, draws=200)
    assert gaussian.is_peak
    assert "centre (): mean" in repr(gaussian) and len(repr(gaussian)) < 500
    params = {name: leaf[0] for name, leaf in gaussian.draws.items()}
    density, _ = log_density(jaxem.to_numpyro(program, y), (), {}, params)
    model, rows = program.bind(y)
    expected = model.log_likelihood(params, rows) + model.log_prior(params)
    np.testing.assert_allclose(density, expected, rtol=1e-12)


def test_divergences_are_told():
    class Sampler:
        def get_extra_fields(self):
            return {"diverging": np.array([False, True, True])}

    with pytest.warns(UserWarning, match="2 of 3 draws diverged"):
        warn_of_divergences(Sampler())


def test_a_fit_that_was_saved(fit, tmp_path):
    fit.save(tmp_path / "coin.npz")
    again = jaxem.load(tmp_path / "coin.npz", jaxem.from_numpyro(coin))
    gaussian = jaxem.posterior.laplace(again, {"tosses": TOSSES}, draws=10)
    assert gaussian.draws["heads"].shape == (10,)
