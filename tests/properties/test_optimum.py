"""The maximiser of Q that jaxem derives is the one that plain gradient ascent finds."""

import jax
import numpy as np
import optax
import pytest

import jaxem

from .models import MODELS
from .study import Study

ASCENT = ["gaussian diagonal", "poisson", "latent classes", "regressions"]


def climb(model, q, start, steps=150):
    """Parameters by dotted name at the top of Q, by L-BFGS in unconstrained coordinates."""
    optimizer = optax.lbfgs()

    def loss(u):
        return -q(model.nest({p.name: p.constrain(u[p.name]) for p in model.free}))

    def step(carry, _):
        u, state = carry
        value, slope = jax.value_and_grad(loss)(u)
        move, state = optimizer.update(slope, state, u, value=value, grad=slope, value_fn=loss)
        return (optax.apply_updates(u, move), state), None

    begin = {p.name: p.unconstrain(start[p.name]) for p in model.free}
    run = jax.jit(lambda u: jax.lax.scan(step, (u, optimizer.init(u)), length=steps)[0][0])
    return {p.name: np.asarray(p.constrain(run(begin)[p.name])) for p in model.free}


@pytest.mark.parametrize("name", ASCENT)
def test_closed_forms_reach_the_top_of_q(name):
    study = Study(MODELS[name]())
    q = jaxem.expected_log_joint(study.model, study.case.data, at=study.case.start)
    top = climb(study.model, q, study.start)
    found = study.model.flatten(study.few_steps(steps=1).params)
    for parameter, value in top.items():
        np.testing.assert_allclose(found[parameter], value, rtol=2e-6, atol=1e-6, err_msg=parameter)
    assert q(study.model.nest(found)) >= q(study.model.nest(top)) - 1e-9
