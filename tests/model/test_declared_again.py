"""Declarations of one meaning share what was proved and compiled; others share nothing."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem.model import known
from jaxem.model.known import known_of

ROWS = np.concatenate([np.linspace(-1, 1, 12), np.linspace(4, 6, 8)])


def declare(scale=1.0, latent=2, prior=None, factor=None, name="loc"):
    def log_joint(params, z, x):
        return -jnp.log(2.0) + dist.Normal(params[name][z], scale).log_prob(x)

    prior = jaxem.flat((2,)) if prior is None else prior
    return jaxem.Model(log_joint, jaxem.Finite(latent), {name: prior}, factor=factor)


def tied(power):
    return {"a": jaxem.flat((2,)), "loc": lambda p: dist.Delta(p["a"] ** power)}


def test_a_declaration_made_again_is_known():
    assert known_of(declare(), ROWS) is known_of(declare(), ROWS[:7])


OTHERS = {
    "a constant": lambda: declare(scale=1.5),
    "a name": lambda: declare(name="mean"),
    "a prior": lambda: declare(prior=dist.Normal(0.0, 1.0).expand((2,))),
    "another prior": lambda: declare(prior=dist.Normal(0.0, 2.0).expand((2,))),
    "a support": lambda: declare(prior=jaxem.flat((2,), constraints.positive)),
    "an interval": lambda: declare(prior=jaxem.flat((2,), constraints.interval(-9.0, 9.0))),
    "another interval": lambda: declare(prior=jaxem.flat((2,), constraints.interval(-9.0, 8.0))),
    "a fixed value": lambda: declare(prior=dist.Delta(jnp.array([0.0, 5.0]))),
    "another fixed value": lambda: declare(prior=dist.Delta(jnp.array([0.0, 5.5]))),
    "a factor": lambda: declare(factor=lambda p: -jnp.sum(p["loc"] ** 2)),
    "another factor": lambda: declare(factor=lambda p: -jnp.sum(p["loc"] ** 4)),
    "states": lambda: declare(latent=1),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_declaration_is_not(name):
    others = [known_of(make(), ROWS) for key, make in OTHERS.items() if key != name]
    mine = known_of(OTHERS[name](), ROWS)
    assert all(mine is not other for other in [*others, known_of(declare(), ROWS)])
    assert known_of(OTHERS[name](), ROWS) is mine


def test_rows_of_another_form_are_not():
    model = declare()
    assert known_of(model, ROWS) is not known_of(model, ROWS.astype(int))


def test_a_tie_is_part_of_it():
    def log_joint(p, z, x):
        return -jnp.log(2.0) + dist.Normal(p["loc"][z], 1.0).log_prob(x)

    models = [jaxem.Model(log_joint, jaxem.Finite(2), tied(power)) for power in (1, 2, 1)]
    one, other, again = (known_of(model, ROWS) for model in models)
    assert one is again and one is not other


def test_a_fit_of_it_compiles_nothing(programs_compiled):
    first = jaxem.fit(declare(), ROWS, restarts=3)
    with programs_compiled() as seen:
        again = jaxem.fit(declare(), ROWS, restarts=3)
        fewer = jaxem.fit(declare(), ROWS[1:], restarts=3)
    assert not seen
    assert again.log_likelihood == first.log_likelihood
    fresh = declare()
    expected = fresh.log_likelihood(fewer.params, ROWS[1:])
    np.testing.assert_allclose(fewer.log_likelihood, expected, rtol=1e-12)


def test_the_trust_region_is_that_of_the_data():
    """Newton's steps are a few units of the data at hand, not of those of an earlier fit."""

    def log_joint(p, z, x):
        return -jnp.log(2.0) + dist.Gumbel(p["loc"][z], jnp.exp(p["log_scale"])).log_prob(x)

    prior = {"loc": jaxem.flat((2,)), "log_scale": jaxem.flat(())}
    model = jaxem.Model(log_joint, jaxem.Finite(2), prior)
    jaxem.fit(model, ROWS, restarts=2)
    again = jaxem.fit(model, 50.0 * ROWS, restarts=2)
    known._remembered.clear()
    alone = jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(2), prior), 50.0 * ROWS, restarts=2)
    np.testing.assert_allclose(again.objective, alone.objective, rtol=1e-9)
    assert again.status == alone.status
