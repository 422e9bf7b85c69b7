"""Scans that are no chains of first order are refused, in words that say why."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import cond, scan

import jaxem

Y = np.random.default_rng(0).normal(size=12)


def _table():
    return numpyro.sample("table", dist.Dirichlet(jnp.ones((2, 2))))


def _step(table):
    def step(before, now):
        z = numpyro.sample("z", dist.Categorical(table[before]))
        numpyro.sample("y", dist.Normal(z, 1.0), obs=now)
        return z, None

    return step


def backwards(y):
    scan(_step(_table()), 0, y, reverse=True)


def twice(y):
    step = _step(_table())
    last, _ = scan(step, 0, y)
    scan(step, last, y)


def conditional(y):
    table = _table()
    cond(y[0] > 0, lambda t: numpyro.sample("z", dist.Categorical(t[0])), lambda t: 0, table)


def second_order(y):
    table = numpyro.sample("table", dist.Dirichlet(jnp.ones((2, 2, 2))))

    def step(carry, now):
        earlier, before = carry
        z = numpyro.sample("z", dist.Categorical(table[earlier, before]))
        numpyro.sample("y", dist.Normal(z, 1.0), obs=now)
        return (before, z), None

    scan(step, (0, 1), y)


def kinds(y):
    table = _table()

    def step(carry, now):
        first, second = carry
        first = numpyro.sample("first", dist.Categorical(table[first]))
        second = numpyro.sample("second", dist.Categorical(table[second]))
        numpyro.sample("y", dist.Normal(first + second + kind, 1.0), obs=now)
        return (first, second), None

    kind = numpyro.sample("kind", dist.Bernoulli(0.5))
    scan(step, (0, 0), y)


def wandering(y):
    table = _table()

    def step(carry, now):
        before, level = carry
        z = numpyro.sample("z", dist.Categorical(table[before]))
        level = numpyro.sample("level", dist.Normal(level, 1.0))
        numpyro.sample("y", dist.Normal(level + z, 1.0), obs=now)
        return (z, level), None

    scan(step, (0, 0.0), y)


def other_states(y):
    first = numpyro.sample("z_0", dist.Categorical(jnp.ones(3) / 3))
    scan(_step(_table()), first, y)


def stateless(y):
    loc = numpyro.sample("loc", dist.Normal(0.0, 1.0))

    def step(before, now):
        numpyro.sample("y", dist.Normal(loc + before, 1.0), obs=now)
        return now, None

    scan(step, 0.0, y)


REFUSALS = {
    backwards: ["reverse=True", "forward in time"],
    twice: ["several scans"],
    conditional: ["cond of numpyro.contrib.control_flow", "jnp.where"],
    second_order: ["one step at a time", "jaxem.Chain(now=K, before=K)"],
    kinds: ["'first', 'second'", "'kind'", "jaxem.Chain(state=K, kind=G)"],
    wandering: ["'level'", "random effect", "12 data"],
    other_states: ["'z_0'", "[0 1 2]", "[0 1]"],
    stateless: ["no hidden discrete site", "inside the scan"],
}


@pytest.mark.parametrize("program", REFUSALS, ids=lambda program: program.__name__)
def test_a_scan_is_refused_in_words(program):
    with pytest.raises(jaxem.DeclarationError) as caught:
        jaxem.fit(jaxem.from_numpyro(program), Y)
    assert not [words for words in REFUSALS[program] if words not in str(caught.value)], str(
        caught.value
    )
