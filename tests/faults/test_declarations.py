"""A broken declaration is explained: what was given, what was expected, what to do."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

from .mixtures import TWO, positive, weights

centre = jaxem.flat((2,))


def normal(params, z, x):
    return jnp.log(params["weights"][z]) + dist.Normal(params["loc"][z], 1.0).log_prob(x)


def fit(log_joint, data=TWO, states=2, **prior):
    model = jaxem.Model(log_joint, jaxem.Finite(states), {"weights": weights(states), **prior})
    return jaxem.fit(model, data, max_steps=1)


def with_weight(log_density):
    return lambda params, z, x: jnp.log(params["weights"][z]) + log_density(params, z, x)


BROKEN = {
    "misspelt parameter": (
        lambda: fit(with_weight(lambda p, z, x: p["lok"][z] * x), loc=centre),
        ["log_joint asks for 'lok'", "did you mean 'loc'", "'weights', 'loc'"],
    ),
    "missing column": (
        lambda: fit(with_weight(lambda p, z, x: p["loc"][z] * x["y"]), {"x": TWO}, loc=centre),
        ["log_joint asks for 'y'", "['x'] of shape ()"],
    ),
    "one prior for all states": (
        lambda: fit(normal, loc=dist.Normal(0.0, 1.0)),
        ["log_joint(params, z, x) fails", "'loc': ()", "Too many indices"],
    ),
    "shapes that do not match": (
        lambda: fit(
            with_weight(lambda p, z, x: (p["loc"][z] * x).sum()),
            np.ones((9, 2)),
            loc=jaxem.flat((2, 3)),
        ),
        ["log_joint(params, z, x) fails", "array of shape (2,)", "'loc': (2, 3)"],
    ),
    "not a scalar": (
        lambda: fit(normal, np.ones((9, 2)), loc=centre),
        ["returns shape (2,)", "expected a scalar", ".sum()"],
    ),
    "nothing returned": (
        lambda: fit(lambda p, z, x: None, loc=centre),
        ["returns", "expected a scalar"],
    ),
    "a branch on a value": (
        lambda: fit(with_weight(lambda p, z, x: p["loc"][z] if x > 0 else 0.0), loc=centre),
        ["log_joint(params, z, x) fails", "boolean"],
    ),
    "ignores z": (
        lambda: fit(lambda p, z, x: p["weights"][0] + p["loc"][0] * x, loc=centre),
        ["ignores z", "all 2 states", "Index the parameters by z"],
    ),
    "a parameter that is never used": (
        lambda: fit(normal, loc=centre, scale=positive(2)),
        ["'scale'", "never uses", "Remove it"],
    ),
    "not a number": (
        lambda: fit(with_weight(lambda p, z, x: p["loc"][z] * jnp.log(x)), loc=centre),
        ["NaN at ordinary parameters", "row", "negative number"],
    ),
    "impossible everywhere": (
        lambda: fit(lambda p, z, x: normal(p, z, x) + jnp.where(x > 0, 0.0, -jnp.inf), loc=centre),
        ["-inf under every latent state", "of 40 rows", "support"],
    ),
    "times below zero": (
        lambda: fit(
            with_weight(lambda p, z, x: dist.Exponential(p["rate"][z]).log_prob(x)),
            rate=positive(2),
        ),
        ["-inf under every latent state", "first for the row -", "support"],
    ),
    "half a count": (
        lambda: fit(
            with_weight(lambda p, z, x: dist.Poisson(p["rate"][z]).log_prob(x)),
            np.array([1.0, 2.0, 2.5, 0.0]),
            rate=positive(2),
        ),
        ["1 of 4 rows", "first for the row 2.5"],
    ),
    "more successes than trials": (
        lambda: fit(
            with_weight(lambda p, z, x: dist.Binomial(10, p["chance"][z]).log_prob(x)),
            np.array([1, 4, 12, 11]),
            chance=jaxem.flat((2,), constraints.unit_interval),
        ),
        ["2 of 4 rows", "first for the row 12"],
    ),
    "a category too many": (
        lambda: fit(
            with_weight(lambda p, z, x: dist.Categorical(p["chance"][z]).log_prob(x)),
            np.array([0, 1, 2, 3]),
            chance=jaxem.flat((2, 3), constraints.simplex),
        ),
        ["1 of 4 rows", "first for the row 3"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_declaration_is_explained(name):
    broken, words = BROKEN[name]
    with pytest.raises(jaxem.DeclarationError) as complaint:
        broken()
    for word in words:
        assert word in str(complaint.value)


@pytest.mark.parametrize("states", [2, 3])
def test_an_index_past_the_end_is_noticed(states):
    """JAX reads the last entry in its place: three states share two centres, in silence."""
    codes = np.array([1, 2, 3] * 5)

    def run():
        return fit(
            with_weight(lambda p, z, x: jnp.log(p["chance"][z, x - (states == 3)])),
            codes,
            states,
            chance=jaxem.flat((2, 3), constraints.simplex),
        )

    with pytest.raises(jaxem.DeclarationError, match="past its end"):
        run()


def test_new_rows_of_the_same_shape_are_checked_anew():
    log_joint = with_weight(lambda p, z, x: dist.Exponential(p["rate"][z]).log_prob(x))
    model = jaxem.Model(log_joint, jaxem.Finite(2), {"weights": weights(2), "rate": positive(2)})
    jaxem.fit(model, np.abs(TWO) + 0.1, max_steps=1)
    with pytest.raises(jaxem.DeclarationError, match="impossible observation"):
        jaxem.fit(model, TWO, max_steps=1)
    assert len(model.known) == 1


def test_one_bad_row_among_many_is_found():
    """It is in none of the few dozen rows that a plan looks at: neither extreme nor rare."""
    rows = np.column_stack([np.abs(np.sin(np.arange(3000.0))), np.arange(3000.0) % 2])
    rows[1711] = [0.5, 1.0]
    log_joint = with_weight(
        lambda p, z, x: (
            jnp.where(x[0] == 0.5, -jnp.inf, 0.0) + dist.Normal(p["loc"][z], 1.0).log_prob(x[1])
        )
    )
    model = jaxem.Model(log_joint, jaxem.Finite(2), {"weights": weights(2), "loc": centre})
    with pytest.raises(jaxem.DeclarationError, match=r"1 of 3000 rows.*\[0\.5, 1\.0\]"):
        jaxem.fit(model, rows, max_steps=1)


def test_an_infinite_density_names_its_row():
    """A gamma density written by hand, at zero."""

    def log_joint(p, z, x):
        a, b = p["a"][z], p["b"][z]
        density = a * jnp.log(b) + (a - 1) * jnp.log(x) - b * x - jax.scipy.special.gammaln(a)
        return jnp.log(p["w"][z]) + density

    positive = jaxem.flat((2,), constraints.positive)
    prior = {"w": jaxem.flat((2,), constraints.simplex), "a": positive, "b": positive}
    data = np.append(np.random.default_rng(0).gamma(2.0, size=20), 0.0)
    with pytest.raises(jaxem.DeclarationError, match=r"\+inf at ordinary.*for the row 0\.0"):
        jaxem.fit(jaxem.Model(log_joint, jaxem.Finite(2), prior), data)
