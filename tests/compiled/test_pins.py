"""Programs and equations of first fits, pinned: what grows is waited for by everybody."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import jaxem
from jaxem.compiled import program
from jaxem.model import known
from jaxem.traces.rewrite import programs_of

RNG = np.random.default_rng(0)


def gaussian():
    geyser = jaxem.datasets.old_faithful()
    rows = np.column_stack([geyser.eruptions, geyser.waiting])
    return jaxem.zoo.gaussian_mixture(2, 2), rows, {"restarts": 64}


def items():
    levels = [2, 3, 4, 5] * 5
    rows = np.column_stack([RNG.integers(0, count, 200) for count in levels])
    return jaxem.zoo.latent_classes(2, levels), rows, {"restarts": 4, "max_steps": 20}


def densities_of_their_own():
    """Six items, each a density of its own, as people write them."""
    names = [f"item_{j}" for j in range(6)]

    def log_joint(p, z, x):
        each = [dist.CategoricalProbs(p[n][z]).log_prob(x[j]) for j, n in enumerate(names)]
        return jnp.log(p["weights"][z]) + jnp.stack(each).sum()

    simplex = dist.constraints.simplex
    prior = {n: jaxem.flat((2, 2 + j % 3), simplex) for j, n in enumerate(names)}
    model = jaxem.Model(log_joint, jaxem.Finite(2), {"weights": jaxem.flat((2,), simplex), **prior})
    rows = np.column_stack([RNG.integers(0, 2 + j % 3, 200) for j in range(6)])
    return model, rows, {"restarts": 4, "max_steps": 20}


def chain():
    return jaxem.zoo.gaussian_chain(3, 1), RNG.normal(size=(4, 30, 1)), {"max_steps": 20}


def newton():
    def log_joint(p, z, x):
        return -jnp.log(2.0) + dist.Gamma(p["shape"][z], p["rate"][z]).log_prob(x)

    positive = dist.constraints.positive
    prior = {"shape": jaxem.flat((2,), positive), "rate": jaxem.flat((2,), positive)}
    model = jaxem.Model(log_joint, jaxem.Finite(2), prior)
    return model, RNG.gamma(2.0, size=150), {"restarts": 4, "max_steps": 20}


#: Programs that a first fit compiles, single operations included, and equations of all of them: a
#: tenth more than were counted with JAX 0.10, and single operations that an earlier test compiled.
PINS = {
    gaussian: (20, 5600),
    items: (20, 7300),
    densities_of_their_own: (20, 8500),
    chain: (30, 14000),
    newton: (20, 3350),
}


@pytest.mark.parametrize("problem", PINS, ids=lambda problem: problem.__name__)
def test_a_first_fit(problem, programs_compiled, monkeypatch):
    equations = []
    plain = program.plain

    def counted(function):
        def traced(*args):
            equations.append(_count(jax.make_jaxpr(function)(*args).jaxpr))
            return plain(function)(*args)

        return traced

    model, rows, options = problem()
    monkeypatch.setattr(program, "plain", counted)
    known._remembered.clear()
    with programs_compiled() as seen:
        jaxem.fit(model, rows, **options)
    most_programs, most_equations = PINS[problem]
    assert len(seen) <= most_programs
    assert sum(equations) <= most_equations
    with programs_compiled() as seen:
        jaxem.fit(problem()[0], rows, **options)
    assert not seen


def _count(jaxpr):
    return sum(1 + sum(map(_count, programs_of(eqn))) for eqn in jaxpr.eqns)


def test_refits_run_the_loop_of_the_fit(programs_compiled):
    """Folds and bootstrap samples are restarts with weights of their own."""
    model, rows, options = gaussian()
    fit = jaxem.fit(model, rows, **options)
    with programs_compiled() as seen:
        held_out = jaxem.cross_validate(model, rows, folds=5)
        boot = jaxem.bootstrap(fit, rows, replicates=20)
    assert len(seen) <= 5  # draws of random keys
    assert not [name for name in seen if "steps" in str(name)]
    assert np.isfinite(held_out.log_likelihood) and boot.failed == 0
