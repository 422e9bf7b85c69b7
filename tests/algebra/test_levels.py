"""Closed forms side by side: what one gradient of Q serves, and what needs one of its own."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem.algebra.levels import levels
from jaxem.algebra.plan import make_plan
from jaxem.algebra.scalars import Power
from jaxem.algebra.solvers import Block, Closed

RNG = np.random.default_rng(0)
FORM = Power(1.0)


def closed(name):
    return Closed(name, FORM)


def block(name):
    return Block((name,), ((),), 1, True)


def names(found):
    return [tuple(name for solver in level for name in solver.names) for level in found]


def arranged(solvers, strength=None, coupled=None):
    every = [name for solver in solvers for name in solver.names]
    strength = {name: dict.fromkeys((strength or {}).get(name, ()), 1.0) for name in every}
    return names(levels(solvers, strength, {n: set((coupled or {}).get(n, ())) for n in every}))


def test_separate_functions_share_a_gradient():
    assert arranged([closed("a"), closed("b"), closed("c")]) == [("a", "b", "c")]


def test_coupled_ones_do_not_even_where_no_answer_depends():
    assert arranged([closed("a"), closed("b")], coupled={"a": "b"}) == [("a",), ("b",)]
    assert arranged([closed("a"), closed("b")], coupled={"b": "a"}) == [("a",), ("b",)]


def test_a_level_waits_for_what_a_later_member_reads():
    found = arranged([closed("a"), block("b"), closed("c")], strength={"c": "b"})
    assert found == [("b",), ("a", "c")]


def test_a_member_comes_early_where_what_is_between_reads_the_level():
    found = arranged([closed("a"), block("b"), closed("c")], strength={"b": "a"})
    assert found == [("a", "c"), ("b",)]


def test_neither_moves_past_what_it_reads():
    found = arranged([closed("a"), block("b"), closed("c")], strength={"b": "a", "c": "b"})
    assert found == [("a",), ("b",), ("c",)]


def normal():
    def log_joint(p, z, x):
        return jnp.log(p["weights"][z]) + dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x)

    prior = {
        "weights": jaxem.flat((2,), constraints.simplex),
        "loc": jaxem.flat((2,)),
        "scale": jaxem.flat((2,), constraints.positive),
    }
    rows = np.concatenate([RNG.normal(0, 1, 60), RNG.normal(4, 2, 60)])
    return jaxem.Model(log_joint, jaxem.Finite(2), prior), rows


def items():
    rows = np.column_stack([RNG.integers(0, levels, 120) for levels in (2, 3, 4)])
    return jaxem.zoo.latent_classes(2, [2, 3, 4]), rows


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (normal, [{"loc"}, {"weights", "scale"}]),
        (items, [{"weights", "probs.item_1", "probs.item_2", "probs.item_3"}]),
    ],
)
def test_levels_give_the_step_of_a_sweep(problem, expected):
    model, rows = problem()
    plan = make_plan(model, rows, np.ones(len(rows)))
    assert list(map(set, names(plan.levels))) == expected
    order = [name for solver in plan.solvers for name in solver.names]
    one_by_one = jaxem.EM(m_step=jaxem.Derived(order=order))
    start = jaxem.fit(model, rows, restarts=1, max_steps=1, tolerance=0).params
    side_by_side, alone = (
        jaxem.fit(model, rows, init=start, max_steps=3, tolerance=0, algorithm=algorithm)
        for algorithm in (jaxem.EM(), one_by_one)
    )
    np.testing.assert_allclose(side_by_side.trace, alone.trace, rtol=1e-12)
