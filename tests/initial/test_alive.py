"""Starts in which every state has rows."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import initial
from jaxem.algebra.plan import make_plan
from jaxem.initial.alive import alive
from jaxem.model.binding import bind_steps

X = np.concatenate([np.linspace(-1, 1, 40), np.linspace(9, 11, 40)])


def log_joint(p, z, x):
    return jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], p["scale"][z]).log_prob(x)


def step(p, z_prev, z, x):
    return log_joint(p, z, x)


PRIOR = {
    "w": jaxem.flat((2,), constraints.simplex),
    "loc": jaxem.flat((2,)),
    "scale": jaxem.flat((2,), constraints.positive),
}
FORMS = {
    "rows": (jaxem.Model(log_joint, jaxem.Finite(2), PRIOR), X),
    "chain": (jaxem.Model(step, jaxem.Chain(2), PRIOR), X.reshape(4, 20)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_state_without_rows_is_moved_towards_home(form):
    """And a start that has rows for all stays where it was."""
    model, data = FORMS[form]
    bound = bind_steps(model, data)
    weights = np.ones(len(X))
    plan = make_plan(bound.model, bound.rows, weights, bound.starts)
    setting = initial.Setting(bound.model, plan, bound.rows, weights, bound.sequences)
    starts = {
        "w": np.full((2, 2), 0.5),
        "loc": np.array([[0.0, 500.0], [0.0, 10.0]]),
        "scale": np.ones((2, 2)),
    }
    moved = alive(setting, starts)
    for name in starts:
        np.testing.assert_array_equal(moved[name][1], starts[name][1])
    reference = np.median(plan.reference["loc"])
    assert abs(moved["loc"][0, 1] - reference) < abs(500 - reference) / 2
    values = {k: v[0] for k, v in moved.items()}
    table = np.asarray(plan.tables(values, bound.rows))[:, :2]
    share = np.asarray(jax.nn.softmax(table, axis=1)).sum(0)
    assert share.min() > 1.0
