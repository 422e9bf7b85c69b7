"""Priors with kinks: the M-step of a lasso, its exact zeros, and what is said of them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from sklearn.linear_model import ElasticNet

import jaxem

_rng = np.random.default_rng(0)
N, D = 90, 5
DESIGN = _rng.normal(size=(N, D))
DESIGN[:, 1] = DESIGN[:, 0] + 0.1 * DESIGN[:, 1]
GROUP = _rng.random(N) < 0.5
TRUE = np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 1.5], [-1.0, 0.8], [0.0, 0.0]])
NOISE = 0.5 * _rng.normal(size=N)
MIXED = np.where(GROUP, DESIGN @ TRUE[:, 0] + 1, DESIGN @ TRUE[:, 1] - 1) + NOISE
SINGLE = {"x": DESIGN, "y": DESIGN @ TRUE[:, 0] + 0.5 + NOISE}
L1, L2 = 20.0, 3.0
START = {
    "weights": np.array([0.5, 0.5]),
    "intercept": np.array([1.0, -1.0]),
    "slopes": 0.5 * TRUE + 0.1,
}


@functools.cache
def elastic_net(dtype=float):
    """One regression; weights of c have the effect of penalties divided by c."""
    assert jnp.result_type(float) == dtype
    return jaxem.Model(
        lambda p, z, row: dist.Normal(p["intercept"] + row["x"] @ p["slopes"], 1.0).log_prob(
            row["y"]
        ),
        latent=jaxem.Finite(1),
        prior={"intercept": jaxem.flat(), "slopes": jaxem.penalty((D,), l1=L1, l2=L2)},
    )


@functools.cache
def single(weight=1.0):
    return jaxem.fit(elastic_net(), SINGLE, weights=np.full(N, weight), key=0)


def mixture_joint(p, z, row):
    mean = p["intercept"][z] + row["x"] @ p["slopes"][:, z]
    return jnp.log(p["weights"][z]) + dist.Normal(mean, 0.5).log_prob(row["y"])


@functools.cache
def mixture():
    """Two regressions with Laplace priors."""
    return jaxem.Model(
        mixture_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": dist.Dirichlet(2 * jnp.ones(2)),
            "intercept": jaxem.flat((2,)),
            "slopes": dist.Laplace(0.0, 1 / 12.0).expand((D, 2)),
        },
    )


DATA = {"x": DESIGN, "y": MIXED}


@functools.cache
def mixed():
    return jaxem.fit(mixture(), DATA, restarts=4)


def smooth_gradient(model, params, data, l2=0.0):
    """Of the log likelihood in the slopes, and of the squares of an elastic net."""

    def smooth(slopes):
        values = {**params, "slopes": slopes}
        return model.log_likelihood(values, data) - l2 / 2 * jnp.sum(slopes**2)

    return np.asarray(jax.grad(smooth)(jnp.asarray(params["slopes"])))


@pytest.mark.parametrize("weight", [0.3, 1.0, 8.0])
def test_one_component_is_the_elastic_net(weight):
    fit = single(weight)
    total = weight * N
    share = L1 / (L1 + L2)
    peer = ElasticNet(alpha=(L1 + L2) / total, l1_ratio=share, tol=1e-14, max_iter=100_000)
    peer.fit(DESIGN, SINGLE["y"])
    np.testing.assert_allclose(fit.params["slopes"], peer.coef_, atol=1e-9)
    np.testing.assert_allclose(fit.params["intercept"], peer.intercept_, atol=1e-9)
    np.testing.assert_array_equal(fit.params["slopes"] == 0, peer.coef_ == 0)
    assert fit.converged and fit.steps <= 2


def test_weaker_penalties_leave_more():
    """What is penalised grows along the path; how many are not zero need not."""
    slopes = [np.abs(single(c).params["slopes"]) for c in (0.1, 0.3, 1.0, 8.0, 64.0)]
    assert np.all(np.diff([L1 * s.sum() + L2 / 2 * (s**2).sum() for s in slopes]) > 0)
    assert not slopes[0].any() and 1 < (slopes[2] > 0).sum() < D


def test_the_objective_counts_the_density():
    fit, peer = single(), jaxem.penalty((), l1=L1, l2=L2)
    slopes = fit.params["slopes"]
    penalty = L1 * np.abs(slopes).sum() + L2 / 2 * (slopes**2).sum()
    there = float(peer.log_prob(0.0))
    np.testing.assert_allclose(fit.log_prior, D * there - penalty, rtol=1e-12)
    x = np.linspace(-4, 4, 400_001)
    np.testing.assert_allclose(np.trapezoid(np.exp(peer.log_prob(x)), x), 1.0, rtol=1e-7)


def test_the_certificate_is_of_the_subgradient():
    for fit in (single(), mixed()):
        assert fit.gradient_norm < 1e-4
    away = jaxem.fit(elastic_net(), SINGLE, init={**single().params, "slopes": np.zeros(D)},
                     max_steps=0)  # fmt: skip
    excess = np.abs(smooth_gradient(elastic_net(), away.params, SINGLE)) - L1
    np.testing.assert_allclose(away.gradient_norm, excess.max(), rtol=1e-9)


def test_a_mixture_has_exact_zeros_and_is_a_maximum():
    fit = mixed()
    slopes, gradient = fit.params["slopes"], smooth_gradient(mixture(), fit.params, DATA)
    zero = slopes == 0
    assert fit.converged and zero.sum() >= 3
    assert np.all(np.abs(gradient[zero]) < 12.0)
    np.testing.assert_allclose(gradient[~zero], 12.0 * np.sign(slopes[~zero]), atol=1e-4)
    for trace in fit.restarts.traces:
        assert np.all(np.diff(trace) > -1e-11)


def by_coordinates(responsibilities):
    """The M-step of one component by hand: coordinates in turn, until nothing moves."""
    full = np.column_stack([np.ones(N), DESIGN])
    matrix = 4 * (full * responsibilities[:, None]).T @ full
    target, b = 4 * full.T @ (responsibilities * MIXED), np.zeros(D + 1)
    for _ in range(5000):
        for j in range(D + 1):
            u = target[j] - matrix[j] @ b + matrix[j, j] * b[j]
            limit = 0.0 if j == 0 else 12.0
            b[j] = np.sign(u) * max(abs(u) - limit, 0.0) / matrix[j, j]
    return b


def test_one_m_step_is_that_of_coordinates_by_hand():
    fit = jaxem.fit(mixture(), DATA, init=START, restarts=4, max_steps=1, tolerance=0)
    log_factors = np.asarray(mixture().log_factors(START, DATA))
    responsibilities = np.exp(log_factors - np.logaddexp.reduce(log_factors, 1, keepdims=True))
    for k in range(2):
        intercept, *slopes = by_coordinates(responsibilities[:, k])
        np.testing.assert_allclose(fit.params["intercept"][k], intercept, atol=1e-8)
        np.testing.assert_allclose(fit.params["slopes"][:, k], slopes, atol=1e-8)
        np.testing.assert_array_equal(fit.params["slopes"][:, k] == 0, np.equal(slopes, 0))


@pytest.mark.long
@pytest.mark.parametrize("way", [{"algorithm": jaxem.Anderson()}, {"finish": "newton"}])
def test_faster_ways_end_at_the_same_zeros(way):
    fit = jaxem.fit(mixture(), DATA, restarts=4, **way)
    assert fit.converged
    np.testing.assert_allclose(fit.objective, mixed().objective, atol=1e-8)
    np.testing.assert_allclose(fit.params["slopes"], mixed().params["slopes"], atol=1e-5)
    np.testing.assert_array_equal(fit.params["slopes"] == 0, mixed().params["slopes"] == 0)


def test_errors_hold_the_zeros_and_say_so():
    fit = single()
    errors = fit.errors(SINGLE)
    zero = fit.params["slopes"] == 0
    np.testing.assert_array_equal(np.isnan(errors.se["slopes"]), zero)
    assert errors.resting == tuple(f"slopes[{j}]" for j in np.flatnonzero(zero))
    assert "at a kink" in errors.notes[0]
    kept = np.column_stack([np.ones(N), DESIGN[:, ~zero]])
    ridge = np.diag([0.0] + [L2] * int((~zero).sum()))
    exact = np.sqrt(np.diag(np.linalg.inv(kept.T @ kept + ridge)))
    found = [errors.se["intercept"], *errors.se["slopes"][~zero]]
    np.testing.assert_allclose(found, exact, rtol=1e-8)


def test_no_gaussian_is_put_on_a_kink():
    with pytest.raises(jaxem.DeclarationError, match=r"'slopes' at the kink.*posterior\.nuts"):
        jaxem.posterior.laplace(single(), SINGLE)


def test_zeros_are_no_parameters():
    fit = single()
    assert jaxem.criteria(fit, SINGLE).parameters == 1 + (fit.params["slopes"] != 0).sum()


def test_it_is_explained():
    lines = {line.name: line for line in jaxem.explain(mixture(), DATA).lines}
    assert lines["slopes"].reason == "its prior has a kink at 0"
    assert lines["slopes"].solved.startswith("proximal step: least squares with soft thresholds")
    assert lines["slopes"].exact and "jointly with slopes" in lines["intercept"].solved


@pytest.mark.long
def test_single_precision():
    wide = single().params["slopes"]
    with jax.enable_x64(False):
        fit = jaxem.fit(elastic_net(np.float32), jax.tree.map(np.float32, SINGLE))
    assert fit.converged and fit.params["slopes"].dtype == np.float32
    np.testing.assert_array_equal(fit.params["slopes"] == 0, wide == 0)
    np.testing.assert_allclose(fit.params["slopes"], wide, atol=1e-5)


@pytest.mark.long
def test_without_a_quadratic_steps_are_repeated():
    """Logistic regression, with a Laplace prior whose scale is estimated, too."""
    yes = (SINGLE["y"] > 0.5).astype(float)
    data = {"x": DESIGN, "yes": yes}
    model = jaxem.Model(
        lambda p, z, row: dist.Bernoulli(logits=row["x"] @ p["slopes"]).log_prob(row["yes"]),
        latent=jaxem.Finite(1),
        prior={
            "scale": dist.InverseGamma(20.0, 4.0),
            "slopes": lambda p: dist.Laplace(0.0, p["scale"]).expand((D,)),
        },
    )
    fit = jaxem.fit(model, data)
    slopes, scale = fit.params["slopes"], fit.params["scale"]
    gradient, zero = smooth_gradient(model, fit.params, data), slopes == 0
    assert fit.converged and 1 <= zero.sum() < D
    assert np.all(np.abs(gradient[zero]) < 1 / scale)
    np.testing.assert_allclose(gradient[~zero], np.sign(slopes[~zero]) / scale, atol=1e-4)
    np.testing.assert_allclose(scale, (4 + np.abs(slopes).sum()) / (21 + D), rtol=1e-5)


MISTAKES = {
    "no strength": (lambda: jaxem.penalty((3,)), "has no strength"),
    "negative": (lambda: jaxem.penalty((3,), l1=-1.0), "l1 must be finite and at least 0"),
    "another shape": (lambda: jaxem.penalty((3,), l2=np.ones(2)), r"broadcasts.*\(3,\)"),
    "another centre": (lambda: jaxem.penalty((3,), l1=1.0, at=np.ones(2)), "at has shape"),
    "zero for some": (lambda: jaxem.penalty((2,), l1=np.array([0.0, 1.0])), "two parameters"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said(name):
    make, words = MISTAKES[name]
    with pytest.raises(jaxem.DeclarationError, match=words):
        make()


def test_one_strength_alone_has_a_name_in_numpyro():
    first, second = jaxem.penalty((2,), l1=4.0), jaxem.penalty((2,), l2=4.0)
    np.testing.assert_allclose(first.log_prob(0.3), dist.Laplace(0.0, 0.25).log_prob(0.3))
    np.testing.assert_allclose(second.log_prob(0.3), dist.Normal(0.0, 0.5).log_prob(0.3))


def test_draws_are_of_the_density():
    prior = jaxem.penalty((2,), l1=np.array([2.0, 50.0]), l2=np.array([0.7, 0.01]), at=1.0)
    draws = np.sort(prior.sample(jax.random.key(0), (20_000,)) - 1.0, axis=0)
    x = np.linspace(-20, 20, 2_000_001)
    for j in range(2):
        one = jaxem.penalty((), l1=[2.0, 50.0][j], l2=[0.7, 0.01][j])
        below = np.interp(draws[:, j], x, np.cumsum(np.exp(one.log_prob(x))) * (x[1] - x[0]))
        assert np.abs(below - (np.arange(20_000) + 0.5) / 20_000).max() < 0.015
