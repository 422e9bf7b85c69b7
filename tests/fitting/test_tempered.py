"""The tempered E-step: its own objective, honestly climbed, between Exact and Hard."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem.latent.links import Dense, Links, Split
from tests.chains.variants import LENGTHS, START, plain

RNG = np.random.default_rng(0)
POINTS = np.concatenate([RNG.normal(-2.0, 1.0, 60), RNG.normal(2.0, 0.7, 40)])
FACTORS = jnp.asarray(RNG.normal(size=(7, 3)) * 4)


@functools.cache
def mixture():
    return jaxem.zoo.gaussian_mixture(2, 1)


AT = {"weights": [0.3, 0.7], "loc": [[-1.0], [1.0]], "cov": [[[1.0]], [[2.0]]]}


def posterior(beta, latent, factors):
    return jaxem.Tempered(beta).posterior(latent, factors)


def test_one_is_exact_and_much_is_hard():
    latent = jaxem.Finite(3)
    for beta, other in ((1, jaxem.Exact()), (1e6, jaxem.Hard())):
        found = posterior(beta, latent, FACTORS)
        for a, b in zip(found, other.posterior(latent, FACTORS), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("beta", [0.2, 3.0])
def test_responsibilities_are_the_gradient_of_the_evidence(beta):
    value, responsibilities = posterior(beta, jaxem.Finite(3), FACTORS)
    literal = jnp.log(jnp.exp(beta * FACTORS).sum(-1)) / beta
    np.testing.assert_allclose(value, literal, rtol=1e-12)
    slope = jax.grad(lambda f: (jnp.log(jnp.exp(beta * f).sum(-1)) / beta).sum())(FACTORS)
    np.testing.assert_allclose(responsibilities, slope, rtol=1e-10)


@pytest.mark.parametrize("kind", ["dense", "split"])
def test_a_chain_is_a_sum_over_tempered_paths(kind):
    rng = np.random.default_rng(1)
    start, valid = jnp.asarray(rng.normal(size=(1, 2))), jnp.ones((3, 1), bool)
    if kind == "dense":
        steps = Dense(jnp.asarray(rng.normal(size=(3, 1, 2, 2))))
        matrices = steps.factors[:, 0]
    else:
        steps = Split(jnp.asarray(rng.normal(size=(2, 2))), jnp.asarray(rng.normal(size=(3, 1, 2))))
        matrices = steps.transition + steps.emission[:, 0, None, :]
    value, responsibilities = posterior(0.3, jaxem.Chain(2), Links(start, steps, valid))
    scores = {
        z: start[0, z[0]] + sum(matrices[t][a, b] for t, (a, b) in enumerate(itertools.pairwise(z)))
        for z in itertools.product(range(2), repeat=4)
    }
    total = np.logaddexp.reduce([0.3 * s for s in scores.values()])
    assert float(value[0]) == pytest.approx(total / 0.3, abs=1e-12)
    first = sum(np.exp(0.3 * s - total) for z, s in scores.items() if z[0] == 1)
    assert float(responsibilities.start[0, 1]) == pytest.approx(first, abs=1e-12)


@pytest.mark.parametrize("kind", ["rows", "chain"])
def test_q_is_as_steep_as_the_objective(kind):
    """Fisher's identity at another temperature."""
    if kind == "rows":
        model, data, at, lengths = mixture(), POINTS[:, None], AT, None
    else:
        (model, data, at), lengths = plain(), LENGTHS
    e_step = jaxem.Tempered(0.4)
    at = jax.tree.map(jnp.asarray, at, is_leaf=lambda leaf: isinstance(leaf, list))
    q = jaxem.expected_log_joint(model, data, at=at, e_step=e_step, lengths=lengths)

    @jax.jit
    def objective(move):
        there = {**at, "loc": at["loc"] + move}
        factors = model.factors(model.flatten(there), data, lengths)
        return e_step.posterior(model.latent, factors)[0].sum()

    difference = (objective(1e-4) - objective(-1e-4)) / 2e-4
    np.testing.assert_allclose(jax.grad(q)(at)["loc"].sum(), difference, rtol=1e-6)


def test_a_tempered_fit_says_what_it_climbed():
    algorithm = jaxem.EM(jaxem.Tempered(0.8))
    fit = jaxem.fit(mixture(), POINTS[:, None], init=AT, algorithm=algorithm)
    assert fit.converged and np.all(np.diff(fit.trace) > -1e-9)
    assert "tempered log likelihood" in fit.summary()
    table = mixture().log_factors(fit.params, jnp.asarray(POINTS[:, None]))
    literal = float((np.logaddexp.reduce(0.8 * np.asarray(table), axis=1) / 0.8).sum())
    assert fit.objective == pytest.approx(literal, abs=1e-9)
    exact = float(mixture().log_likelihood(fit.params, jnp.asarray(POINTS[:, None])))
    assert fit.log_likelihood > exact + 0.1


def test_hot_enough_all_components_are_one():
    """Below the first critical temperature the objective has a single maximum."""
    model = jaxem.Model(
        lambda p, z, x: -jnp.log(2.0) - 0.5 * (x - p["loc"][z]) ** 2,
        jaxem.Finite(2),
        {"loc": jaxem.flat((2,))},
    )
    hot, warm = (
        jaxem.fit(model, POINTS, init={"loc": [-1.0, 3.0]}, algorithm=jaxem.EM(jaxem.Tempered(b)))
        for b in (0.5 / np.var(POINTS), 2 / np.var(POINTS))
    )
    assert hot.converged and warm.converged
    np.testing.assert_allclose(hot.params["loc"], POINTS.mean(), atol=1e-4)
    assert np.ptp(warm.params["loc"]) > 1


@pytest.mark.long
def test_replaced_data_give_the_same_climb():
    """Sequences so long that steps become anchors, against the sum over tempered chains."""
    rng = np.random.default_rng(2)
    y = rng.normal(size=(6, 60)) + np.repeat([[-1.5, 1.5]], 30, 1)
    e_step = jaxem.Tempered(0.5)
    fit = jaxem.fit(plain()[0], y, init=START, algorithm=jaxem.EM(e_step), max_steps=5, tolerance=0)
    assert fit.plan.route.path == "product" and fit.plan.route.changes == ()
    assert np.all(np.diff(fit.trace) > -1e-9)
    direct = np.asarray(fit.log_density(y)).sum()
    assert fit.log_likelihood == pytest.approx(direct, abs=1e-8)
    responsibilities = np.asarray(fit.responsibilities(y))
    np.testing.assert_allclose(responsibilities.sum(-1), 1.0, atol=1e-12)


def test_saved_and_loaded(tmp_path):
    algorithm = jaxem.EM(jaxem.Tempered(0.25))
    fit = jaxem.fit(mixture(), POINTS[:, None], init=AT, algorithm=algorithm, max_steps=1)
    fit.save(tmp_path / "fit")
    loaded = jaxem.load(tmp_path / "fit", mixture())
    assert loaded.algorithm.e_step == jaxem.Tempered(0.25)
    assert "tempered" in loaded.summary()


@pytest.mark.parametrize("beta", [0, -1.0, np.inf, np.nan, "warm", True, [0.5]])
def test_a_temperature_is_a_positive_number(beta):
    with pytest.raises(jaxem.DeclarationError, match="positive number"):
        jaxem.Tempered(beta)
