"""The maximiser of Q that jaxem derives is the one that plain gradient ascent finds."""

import jax
import numpy as np
import optax
import pytest

import jaxem

#: One more program to compile each.
SOME = ["gaussian diagonal", "poisson log-rates", "regressions"]


@pytest.mark.parametrize("study", SOME, indirect=True)
def test_closed_forms_reach_the_top_of_q(study):
    case = study.case
    q = jaxem.expected_log_joint(case.model, case.data, at=case.start, weights=case.weights)
    top, found = climb(study.model, q, study.start), study.lane(study.steps(1))
    for name, value in top.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-6, atol=1e-6, err_msg=name)
    assert q(study.model.nest(found)) >= q(study.model.nest(top)) - 1e-9


def climb(model, q, start, steps=100):
    """Parameters by dotted name at the top of Q, by L-BFGS in unconstrained coordinates."""
    optimizer = optax.lbfgs()

    def loss(u):
        return -q(model.nest({p.name: p.constrain(u[p.name]) for p in model.free}))

    def step(carry, _):
        u, state = carry
        value, slope = jax.value_and_grad(loss)(u)
        move, state = optimizer.update(slope, state, u, value=value, grad=slope, value_fn=loss)
        return (optax.apply_updates(u, move), state), None

    def run(values):
        u = {p.name: p.unconstrain(values[p.name]) for p in model.free}
        u = jax.lax.scan(step, (u, optimizer.init(u)), length=steps)[0][0]
        return {p.name: p.constrain(u[p.name]) for p in model.free}

    return jax.tree.map(np.asarray, jax.jit(run)(start))
