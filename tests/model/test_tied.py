"""Parameters tied to others by a Delta that is a function of them."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints
from numpyro.infer.util import log_density

import jaxem
from jaxem.model.reading import read_prior
from jaxem.posterior.program import order_of_priors

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(2.0, 1.0, 60), RNG.normal(5.0, 1.0, 40)])
START = {"w": [0.5, 0.5], "group": {"a": 1.0, "step": 1.0}}
FREE = {
    "w": jaxem.flat((2,), constraints.simplex),
    "group": {"a": jaxem.flat(), "step": dist.Gamma(2.0, 1.0)},
}
#: A chain of ties, declared before what it hangs on; the last is tied to a tied one alone.
TIED = {
    "b": lambda p: dist.Delta(p["group"]["a"] + p["inner"]["double"]),
    "inner": {"double": lambda p: dist.Delta(2.0 * p["group"]["step"])},
    **FREE,
    "locs": lambda p: dist.Delta(jnp.stack([p["group"]["a"], p["b"]])).to_event(1),
}


def log_joint(p, z, x):
    return jnp.log(p["w"][z]) + dist.Normal(p["locs"][z], 1.0).log_prob(x)


def written_out(p, z, x):
    locs = jnp.stack([p["group"]["a"], p["group"]["a"] + 2.0 * p["group"]["step"]])
    return jnp.log(p["w"][z]) + dist.Normal(locs[z], 1.0).log_prob(x)


@pytest.fixture(scope="module")
def fits():
    by_hand = jaxem.Model(written_out, jaxem.Finite(2), FREE)
    tied = jaxem.Model(log_joint, jaxem.Finite(2), TIED)
    start = {**START, "inner": {"double": 2.0}}  # given, and right
    return jaxem.fit(tied, X, init=start), jaxem.fit(by_hand, X, init=START)


def test_a_tied_parameter_is_computed_wherever_it_is_read(fits):
    tied, by_hand = fits
    assert tied.status == by_hand.status == jaxem.Status.CONVERGED
    assert tied.log_likelihood == pytest.approx(by_hand.log_likelihood, abs=1e-9)
    assert tied.log_prior == pytest.approx(by_hand.log_prior, abs=1e-9)
    a, step = by_hand.params["group"]["a"], by_hand.params["group"]["step"]
    assert tied.params["inner"]["double"] == pytest.approx(2 * step, abs=1e-6)
    np.testing.assert_allclose(tied.params["locs"], [a, a + 2 * step], atol=1e-6)
    assert tied.restarts.params["locs"].shape == (1, 2)
    slope = jax.grad(lambda p: tied.model.log_likelihood(p, X))(by_hand.params)
    want = jax.grad(lambda p: by_hand.model.log_likelihood(p, X))(by_hand.params)
    np.testing.assert_allclose(slope["group"]["a"], want["group"]["a"], atol=1e-6)


def test_errors_say_where_those_of_tied_parameters_are(fits):
    tied, by_hand = fits
    errors = tied.errors(X)
    assert any("not listed: inner.double, b, locs" in note for note in errors.notes)
    double = tied.errors(X, of=lambda p: p["inner"]["double"])
    step = by_hand.errors(X).se["group"]["step"]
    np.testing.assert_allclose(double.se, 2 * step, rtol=1e-5)


def test_what_is_tied_counts_once(fits):
    tied, by_hand = fits
    assert jaxem.criteria(tied, X).parameters == jaxem.criteria(by_hand, X).parameters == 3
    words = str(jaxem.explain(tied.model, X))
    assert "tied" in words and "inner.double" in words
    one, other = tied.errors(X), by_hand.errors(X)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-4)
    spread = tied.errors(X, of=lambda p: p["inner"]["double"])
    assert spread.se == pytest.approx(2 * other.se["group"]["step"], rel=1e-4)


def test_a_saved_fit_keeps_its_ties(fits, tmp_path):
    tied, _ = fits
    tied.save(tmp_path / "fit")
    again = jaxem.load(tmp_path / "fit", tied.model)
    np.testing.assert_array_equal(again.params["locs"], tied.params["locs"])
    np.testing.assert_allclose(again.log_density(X), tied.log_density(X))


def test_the_program_of_a_sampler_reports_them(fits):
    tied, _ = fits
    program = jaxem.to_numpyro(tied.model, X)
    given = {"w": tied.params["w"], "group.a": 2.0, "group.step": 1.5}
    value, trace = log_density(program, (), {}, given)
    assert float(trace["inner.double"]["value"]) == 3.0
    params = {"w": tied.params["w"], "group": {"a": 2.0, "step": 1.5}}
    want = tied.model.log_likelihood(params, X) + tied.model.log_prior(params)
    assert float(value) == pytest.approx(float(want), abs=1e-8)


def test_a_value_that_breaks_the_tie_is_refused(fits):
    model = fits[0].model
    with pytest.raises(jaxem.DeclarationError, match=r"init gives 'b'.*ties.*3\.0"):
        jaxem.fit(model, X, init={**START, "b": 4.0})
    with pytest.raises(jaxem.DeclarationError, match="params gives 'b'"):
        model.log_likelihood({**START, "b": 4.0}, X)
    starts = jax.tree.map(lambda v: np.stack([v, v]), {**START, "b": 3.0})
    assert len(jaxem.fit(model, X, init=starts, restarts=2, max_steps=1).restarts.status) == 2


def test_the_log_density_of_a_tie_is_counted():
    """A Delta with a log density of its own is a change of variables."""
    prior = {**FREE, "b": lambda p: dist.Delta(p["group"]["a"], log_density=-p["group"]["a"])}
    model = jaxem.Model(written_out, jaxem.Finite(2), prior)
    plain = jaxem.Model(written_out, jaxem.Finite(2), FREE)
    assert float(model.log_prior(START) - plain.log_prior(START)) == pytest.approx(-1.0)


def test_a_prior_may_depend_on_a_tied_parameter():
    prior = {
        "a": dist.Normal(0.0, 1.0),
        "scale": lambda p: dist.Delta(jnp.exp(p["a"])),
        "b": lambda p: dist.Normal(0.0, p["scale"]),
    }
    parameters, tied = read_prior(prior)
    assert [p.name for p in parameters] == ["a", "b"] and [t.name for t in tied] == ["scale"]
    model = jaxem.Model(lambda p, z, x: p["b"] * x + p["a"] * z, jaxem.Finite(2), prior)
    want = dist.Normal(0.0, 1.0).log_prob(0.5) + dist.Normal(0.0, np.exp(0.5)).log_prob(0.2)
    assert float(model.log_prior({"a": 0.5, "b": 0.2})) == pytest.approx(float(want), abs=1e-6)
    assert [p.name for p in order_of_priors(model)] == ["a", "b"]


MOVING = {
    "truncated above": lambda p: dist.TruncatedNormal(0.0, 10.0, high=p["high"]),
    "uniform": lambda p: dist.Uniform(0.0, jnp.exp(p["high"])),
    "truncated below": lambda p: dist.TruncatedNormal(0.0, 1.0, low=p["high"]),
    "flat": lambda p: jaxem.flat((), constraints.less_than(p["high"])),
    "pareto": lambda p: dist.Pareto(jnp.exp(p["high"]), 2.0),
    "moved": lambda p: dist.TransformedDistribution(
        dist.HalfNormal(1.0), dist.transforms.AffineTransform(p["high"], 1.0, constraints.positive)
    ),
    "batch": lambda p: dist.Uniform(jnp.zeros(2), p["high"] ** 2 + jnp.ones(2)).to_event(1),
    "through a tied one": lambda p: dist.TruncatedNormal(0.0, 1.0, high=p["edge"]),
}


@pytest.mark.parametrize("name", MOVING)
def test_a_support_that_moves_with_a_parameter_is_refused(name):
    prior = {
        "high": dist.Normal(0.0, 10.0),
        "edge": lambda p: dist.Delta(2 * p["high"]),
        "other": jaxem.flat(),
        "low": MOVING[name],
    }
    with pytest.raises(jaxem.DeclarationError, match="support of 'low' depends on 'high'"):
        read_prior(prior)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (lambda p: dist.Normal(0, 1) if p["a"] > 0.1 else dist.Laplace(0, 1), "one family"),
        (lambda p: dist.Normal(0, 1) if p["a"] > 0.1 else dist.Delta(0.0), "one family"),
        (lambda p: dist.Normal(jnp.zeros(1 + int(p["a"] ** 2 > 0)), 1.0), "one shape"),
        (lambda p: dist.Normal(0.0, p["a"].missing), "'b' is a function that fails.*AttributeErr"),
    ],
)
def test_a_prior_that_changes_with_a_parameter_is_refused(entry, words):
    with pytest.raises(jaxem.DeclarationError, match=words):
        read_prior({"a": jaxem.flat(), "b": entry})


def test_a_prior_that_asks_for_a_value_is_refused_in_words():
    prior = {
        "w": jaxem.flat((2,)),
        "b": lambda p: dist.Normal(0.0, 1.0 if p["w"][0] > -1e9 else 2.0),
    }
    model = jaxem.Model(lambda p, z, x: p["w"][z] * x + p["b"], jaxem.Finite(2), prior)
    with pytest.raises(jaxem.DeclarationError, match=r"log prior.*fails.*jnp\.where"):
        jaxem.fit(model, X)


def test_a_factor_that_is_no_number_is_refused():
    model = jaxem.Model(written_out, jaxem.Finite(2), FREE, factor=lambda p: p["w"])
    with pytest.raises(jaxem.DeclarationError, match=r"factor.*shape \(2,\)"):
        jaxem.fit(model, X)


def test_supports_that_stay_are_accepted():
    prior = {
        "tau": dist.HalfNormal(1.0),
        "cov": jaxem.flat((2, 2), constraints.positive_definite),
        "a": lambda p: dist.Normal(0.0, p["tau"]),
        "b": lambda p: dist.LogNormal(p["a"], p["tau"]),
        "c": lambda p: dist.MultivariateNormal(jnp.zeros(2), p["cov"] / 3),
        "d": lambda p: dist.TruncatedNormal(p["a"], p["tau"], low=0.0, high=2.0),
        "e": lambda p: dist.Dirichlet(p["tau"] * jnp.ones(3)),
        "f": lambda p: jaxem.flat((2,)),
    }
    parameters, tied = read_prior(prior)
    assert len(parameters) == 8 and not tied
