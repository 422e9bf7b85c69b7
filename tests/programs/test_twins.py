"""A program is the model that one would have declared by hand: in value, in plan and in fit."""

import jax
import numpy as np
import pytest

import jaxem

from .twins import CASES, program, twins

#: Equal log factors and plans make equal steps; of every kind of M-step and of datum one is fitted.
FITTED = {"poisson", "zero-inflated", "concomitant", "hierarchical", "grouped", "hidden markov"}


def _near(start, seed):
    """Parameters near a start, in their supports."""
    rng = np.random.default_rng(seed)
    moved = {}
    for name, value in start.items():
        if np.ndim(value) and np.allclose(value.sum(-1), 1):
            value = value * rng.uniform(0.5, 1.5, size=value.shape)
            moved[name] = value / value.sum(-1, keepdims=True)
        else:
            moved[name] = value * rng.uniform(0.8, 1.2)
    return moved


def _rows(model, data):
    """Rows; of a chain, the steps after the start, before which programs look at other rows."""
    if not isinstance(model.latent, jaxem.Chain):
        return data
    return jax.tree.map(lambda leaf: leaf[:, 1:].reshape(-1, *leaf.shape[2:]), data)


#: Each is near another one that stays in the ordinary run.
LONG = {
    "gaussian",
    "latent classes",
    "mixed types",
    "dependent",
    "dawid-skene",
    "hidden markov",
    "hierarchical",
    "poisson",
    "grouped",
}


@pytest.mark.parametrize(
    "name", [pytest.param(c, marks=pytest.mark.long if c in LONG else ()) for c in CASES]
)
def test_a_program_is_its_twin(name):
    """One test a case, so that what was planned and compiled is there for all of it."""
    assert_equal_log_factors(name)
    assert_equal_plans(name)
    if name in FITTED:
        assert_equal_steps(name)


def assert_equal_log_factors(name):
    case = twins(name)
    model, rows = program(name).bind(case.data)
    of_program, of_twin = jax.jit(model.log_factors), jax.jit(case.twin.log_factors)
    for seed in range(3):
        params = _near(case.start, seed)
        found = np.asarray(of_program(params, _rows(model, rows)))
        expected = np.asarray(of_twin(params, _rows(model, case.rows)))
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
        prior = float(case.twin.log_prior(params))
        assert float(model.log_prior(params)) == pytest.approx(prior, rel=1e-10, abs=1e-10)


def assert_equal_plans(name):
    case = twins(name)
    found = jaxem.explain(program(name), case.data)
    expected = jaxem.explain(case.twin, case.rows)
    by_name = {line.name: line for line in expected.lines}
    assert {line.name: line for line in found.lines} == by_name
    assert found.verdict == expected.verdict
    assert found.data[:2] == expected.data[:2]


def assert_equal_steps(name):
    case = twins(name)
    options = {"init": case.start, "max_steps": 25, "tolerance": 0.0}
    found = jaxem.fit(program(name), case.data, **options)
    expected = jaxem.fit(case.twin, case.rows, **options)
    assert found.status == expected.status
    np.testing.assert_allclose(found.trace, expected.trace, rtol=1e-10)
    for key, value in expected.params.items():
        np.testing.assert_allclose(found.params[key], value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["gaussian", "dawid-skene", "dependent", "grouped"])
def test_a_program_costs_the_same_arithmetic(name):
    """Where the twin is written with the same formulas."""
    case = twins(name)
    model, rows = program(name).bind(case.data)
    found, expected = (
        jax.jit(m.log_factors).lower(case.start, x).compile().cost_analysis()["flops"]
        for m, x in ((model, rows), (case.twin, case.rows))
    )
    assert found <= 1.1 * expected
