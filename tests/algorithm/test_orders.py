"""The order of the conditional maximisations is the person's, if they give one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxem
from jaxem.estep import Exact
from jaxem.estep.batch import make_batch
from jaxem.estep.source import Direct
from tests.fitting.problem import DATA, START, mixture

ORDER = ("shape.scale", ("shape.loc", "weights"))
BACKWARDS = jaxem.Derived(order=ORDER)


def fit(**options) -> jaxem.Fit:
    return jaxem.fit(mixture(), DATA, init=START, **options)


@pytest.fixture(scope="module")
def derived():
    return fit()


def test_a_cycle_with_an_e_step_before_each_group(derived):
    twice = jaxem.Derived(order=ORDER, rounds=2)
    found = fit(algorithm=jaxem.EM(m_step=twice, multicycle=True))
    assert found.converged and np.diff(found.trace).min() > -1e-9
    assert found.objective == pytest.approx(derived.objective, abs=1e-8)
    assert found.steps < 0.6 * derived.steps


def test_a_step_is_the_maximum_of_each_group_with_the_others_given(derived):
    """Group by group from one Q: the gradient along the group vanishes, and nothing else moves."""
    model, plan = mixture(), derived.plan
    source = Direct(make_batch(DATA, np.ones(len(DATA)), len(DATA)), keep=True)

    @jax.jit
    def groups(values):
        _, _, q = source.expect(model, Exact(), values)
        seen = []
        for group in ORDER:
            names = (group,) if isinstance(group, str) else group
            after = BACKWARDS.sweep(plan, q, values, names)
            seen.append((values, after, jax.grad(q)(after)))
            values = after
        return seen, BACKWARDS(plan, q, seen[0][0], ("weights", "shape.loc", "shape.scale"))

    seen, image = groups(jax.tree.map(jnp.asarray, model.flatten(START)))
    for names, (before, after, slope) in zip((("shape.scale",), ORDER[1]), seen, strict=True):
        for name in before:
            assert np.array_equal(before[name], after[name]) == (name not in names)
        for name in names:
            slopes = slope[name] - (slope[name].mean() if name == "weights" else 0)
            assert np.abs(slopes).max() < 1e-8 * len(DATA)
    for name, value in image.items():
        np.testing.assert_array_equal(value, seen[-1][1][name])


def test_explained(derived):
    def explain(m_step, **options):
        algorithm = jaxem.EM(m_step=m_step, **options)
        return jaxem.explain(mixture(), DATA, algorithm=algorithm)

    backwards = explain(BACKWARDS, multicycle=True)
    assert backwards.order == "shape.scale -> (shape.loc, weights)" and not backwards.exact
    assert "multicycle" in backwards.verdict and "E-step before each" in backwards.verdict
    twice = explain(jaxem.Derived(order=("weights", "shape.loc", "shape.scale"), rounds=2))
    assert twice.order == "(weights -> shape.loc -> shape.scale) x 2" and twice.exact
    annealed = jaxem.explain(mixture(), DATA, algorithm=jaxem.Annealed((0.2, 0.5)))
    assert "annealing, 20 steps at each inverse temperature of 0.2, 0.5" in str(annealed)


MISTAKES: dict[str, Any] = {
    "unknown": (lambda: fit(algorithm=ordered("scale", "weights")), "names 'scale', which is no"),
    "missing": (lambda: fit(algorithm=ordered("weights", "shape.loc")), "leaves out 'shape.scale'"),
    "twice": (lambda: ordered("weights", ("shape.loc", "weights")), "'weights' twice"),
    "a word": (lambda: jaxem.Derived(order="weights"), "sequence of names"),
    "an empty group": (lambda: ordered("weights", ()), r"got \(\) in it"),
    "a number": (lambda: ordered(1), "got 1 in it"),
    "no rounds": (lambda: jaxem.Derived(order=ORDER, rounds=0), "got rounds=0"),
    "rounds of nothing": (lambda: jaxem.Derived(rounds=2), "order says which"),
    "cycles of nothing": (lambda: jaxem.EM(multicycle=True), "give the order"),
    "unexplained": (
        lambda: jaxem.explain(mixture(), DATA, algorithm=ordered("weights")),
        "leaves out",
    ),
}


def ordered(*order):
    return jaxem.EM(m_step=jaxem.Derived(order=order))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said(name):
    make, words = MISTAKES[name]
    with pytest.raises(jaxem.DeclarationError, match=words):
        make()
