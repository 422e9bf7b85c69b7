"""What is refused, in words that say what to do."""

import dataclasses

import numpy as np
import pytest

import jaxem
from jaxem.status import Status

from .problems import HEADS, PAIRS, beta_bernoulli, fitted


@pytest.mark.parametrize("onward", [jaxem.posterior.nuts, jaxem.posterior.laplace])
@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (PAIRS[:-1], {}, "data has 59 rows of positive weight; the fit had 60"),
        (PAIRS, {"weights": np.r_[0.0, np.ones(59)]}, "data has 59 rows"),
        (PAIRS + 1, {}, r"log likelihood of fit.params on these data is .* fit reports"),
        (PAIRS, {"weights": np.full(60, 2.0)}, "log likelihood of fit.params on these data"),
        ({"x": PAIRS}, {}, "log_joint"),
        (np.column_stack([PAIRS, PAIRS]), {}, "log_joint returns shape"),
        (PAIRS, {"key": "seed"}, "key must be an int or a JAX key"),
    ],
)
def test_data_or_weights_that_were_not_fitted(onward, data, options, words):
    with pytest.raises(jaxem.DeclarationError, match=words):
        onward(fitted("means"), data, **options)


@pytest.mark.parametrize("onward", [jaxem.posterior.nuts, jaxem.posterior.laplace])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"objective": -np.inf, "status": Status.IMPOSSIBLE}, "no mode to go on from.*impossible"),
        ({"objective": np.nan, "status": Status.NON_FINITE}, "no mode to go on from"),
        ({"status": Status.DEGENERATE}, "grows without bound"),
        ({"model": None}, r"jaxem.load\(path, model\)"),
    ],
)
def test_fits_with_nothing_to_go_on_from(onward, change, words):
    fit = dataclasses.replace(fitted("means"), **change)
    with pytest.raises(jaxem.DeclarationError, match=words):
        onward(fit, PAIRS)


def test_a_fit_of_another_model():
    with pytest.raises(jaxem.DeclarationError, match="rows of positive weight"):
        jaxem.posterior.nuts(fitted("coin"), PAIRS)
    with pytest.raises(jaxem.DeclarationError, match="draws lacks parameter 'loc'"):
        jaxem.posterior.latents(fitted("means"), {"coin.heads": np.ones(3)}, PAIRS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"warmup": -1}, "warmup must be an integer of at least 0; got -1"),
        ({"samples": 0}, "samples must be an integer of at least 1"),
        ({"chains": 2.0}, "chains must be an integer"),
        ({"within": -1.0}, "within must be at least 0 nats"),
        ({"target_accept": 1.0}, "target_accept must lie between 0 and 1"),
        ({"chain_method": "pmap"}, 'chain_method must be "vectorized"'),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(jaxem.DeclarationError, match=words):
        jaxem.posterior.nuts(fitted("coin"), HEADS, **options)
    with pytest.raises(jaxem.DeclarationError, match="draws must be an integer"):
        jaxem.posterior.laplace(fitted("coin"), HEADS, draws=-1)


def test_no_model_where_one_belongs():
    with pytest.raises(jaxem.DeclarationError, match=r"Of a fit, give fit\.model"):
        jaxem.to_numpyro(fitted("coin"))
    with pytest.raises(jaxem.DeclarationError, match="weights or lengths without data"):
        jaxem.to_numpyro(beta_bernoulli(), weights=np.ones(3))
    with pytest.raises(jaxem.DeclarationError, match="takes a fit"):
        jaxem.posterior.nuts(beta_bernoulli(), HEADS)
    with pytest.raises(jaxem.DeclarationError, match=r"expected a jaxem\.Model"):
        jaxem.posterior.latents(HEADS, {}, HEADS)
    with pytest.raises(jaxem.DeclarationError, match="draws must be a dictionary"):
        jaxem.posterior.latents(beta_bernoulli(), HEADS, HEADS)
