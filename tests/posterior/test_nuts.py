"""NUTS from the mode: exact posteriors within Monte Carlo error, and what NumPyro returns."""

import jax
import numpy as np
import pytest
from numpyro.diagnostics import effective_sample_size, gelman_rubin
from scipy import stats

import jaxem

from .problems import HEADS, fitted, sure_thing


def assert_moments(draws, exact):
    """The first two moments of draws (chains, samples), by their own Monte Carlo error."""
    for power in (1, 2):
        values = np.asarray(draws, float) ** power
        error = values.std() / np.sqrt(effective_sample_size(values))
        assert abs(values.mean() - exact.moment(power)) < 4 * error, power


@pytest.fixture(scope="module")
def coin():
    return jaxem.posterior.nuts(
        fitted("coin"), HEADS, key=1, chains=2, warmup=200, samples=1500, chain_method="vectorized"
    )


def test_a_conjugate_posterior(coin):
    draws = coin.get_samples(group_by_chain=True)["coin.heads"]
    assert draws.shape == (2, 1500)
    assert gelman_rubin(np.asarray(draws)) < 1.01
    assert effective_sample_size(np.asarray(draws)) > 500
    assert_moments(draws, stats.beta(2 + HEADS.sum(), 3 + (1 - HEADS).sum()))


def test_what_numpyro_returns(coin, capsys):
    samples = coin.get_samples()
    assert set(samples) == {"coin.heads", "kind"}
    assert samples["kind"].shape == (3000, 2)
    np.testing.assert_allclose(samples["kind"][7], [0.3, 0.7])
    fields = coin.get_extra_fields(group_by_chain=True)
    assert {"diverging", "potential_energy", "num_steps"} <= set(fields)
    assert fields["diverging"].shape == (2, 1500) and not fields["diverging"].any()
    coin.print_summary()
    printed = capsys.readouterr().out
    assert "coin.heads" in printed and "kind" not in printed


def test_the_energy_is_that_of_the_posterior(coin):
    """Minus log likelihood, log prior and the Jacobian p (1 - p) of the logit."""
    heads = np.asarray(coin.get_samples()["coin.heads"], float)
    exact = stats.beta(2, 3).logpdf(heads) + HEADS.sum() * np.log(heads)
    exact += (1 - HEADS).sum() * np.log1p(-heads) + np.log(heads * (1 - heads))
    found = np.asarray(coin.get_extra_fields()["potential_energy"])
    np.testing.assert_allclose(found, -exact, rtol=1e-9)


def test_a_mode_on_the_boundary_is_left_in_single_precision(float32):
    """Twelve heads of twelve: the mode is 1, the posterior Beta(13, 1)."""
    tosses = np.ones(12, np.int32)
    fit = jaxem.fit(sure_thing(), tosses)
    assert fit.params["heads"] > 1 - 1e-6
    options = {"chains": 1, "warmup": 200, "samples": 1500, "dense": False}
    with pytest.warns(UserWarning, match="'heads' on the boundary"):
        sampler = jaxem.posterior.nuts(fit, tosses, key=jax.random.key(4), **options)
    draws = sampler.get_samples(group_by_chain=True)["heads"]
    assert draws.dtype == np.float32
    assert_moments(draws, stats.beta(13, 1))
