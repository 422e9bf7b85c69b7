"""Sizes and codes that do not belong together, and fixed weights that are no distribution."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem.algebra.plan import make_plan
from jaxem.model.indices import check_indices

SIMPLEX = constraints.simplex
X = np.linspace(-1.0, 3.0, 12)
CODES = np.arange(12) % 3
CHAIN = np.arange(12.0).reshape(3, 4)


def centres(p, z, x):
    return jnp.log(p["w"][z]) + dist.Normal(p["loc"][z], 1.0).log_prob(x)


def softmax(p, z, x):
    return dist.Categorical(logits=p["w"]).log_prob(z) + dist.Normal(p["loc"][z], 1.0).log_prob(x)


def categorical(p, z, x):
    return dist.Categorical(p["w"]).log_prob(z) + dist.Normal(p["loc"][z], 1.0).log_prob(x)


def table(p, z, x):
    return jnp.log(p["w"][z]) + jnp.log(p["q"][z, x])


def unseen(p, z, x):
    return jnp.log(p["w"][z]) + jnp.where(x >= 0, jnp.log(p["q"][z, x]), 0.0)


def step(p, z_prev, z, x):
    into = p["w"][z] if z_prev is None else p["trans"][z_prev, z]
    return jnp.log(into) + dist.Normal(p["loc"][z], 1.0).log_prob(x)


def products(p, z, x):
    weight = jnp.log(p["w"][z["a"]]) + jnp.log(p["v"][z["b"]])
    return weight + dist.Normal(p["loc"][z["a"], z["b"]], 1.0).log_prob(x)


def flat(*shape):
    return jaxem.flat(shape, SIMPLEX)


PAIR = jaxem.Finite(2)
BY_TWO = jaxem.Finite(a=2, b=3)
CHAINED = jaxem.Chain(2)

REFUSED = {
    "a weight too many": (centres, PAIR, {"w": flat(3), "loc": jaxem.flat(2)}, X, "'w'.*reach 2"),
    "a centre too many": (centres, PAIR, {"w": flat(2), "loc": jaxem.flat(3)}, X, "'loc'.*entry 2"),
    "with a prior": (
        centres,
        PAIR,
        {"w": dist.Dirichlet(jnp.ones(2)), "loc": dist.Normal(0, 1).expand([4])},
        X,
        "'loc'.*entry 2, 3",
    ),
    "a logit too many": (softmax, PAIR, {"w": jaxem.flat(3), "loc": jaxem.flat(2)}, X, "'w'"),
    "through Categorical": (categorical, PAIR, {"w": flat(3), "loc": jaxem.flat(2)}, X, "'w'"),
    "a fixed weight too many": (
        centres,
        PAIR,
        {"w": dist.Delta(jnp.array([0.5, 0.3, 0.2])), "loc": jaxem.flat(2)},
        X,
        "'w'.*entry 2",
    ),
    "a weight too few": (
        centres,
        jaxem.Finite(3),
        {"w": flat(2), "loc": jaxem.flat(3)},
        X,
        "past its end in latent state 2.*fewer entries",
    ),
    "a row of a chain too many": (
        step,
        CHAINED,
        {"w": flat(2), "trans": flat(3, 2), "loc": jaxem.flat(2)},
        CHAIN,
        "'trans'.*axis 0.*entry 2",
    ),
    "a column of a chain too few": (
        step,
        jaxem.Chain(3),
        {"w": flat(3), "trans": flat(3, 2), "loc": jaxem.flat(3)},
        CHAIN,
        "states 0 to 2",
    ),
    "axes exchanged": (
        products,
        BY_TWO,
        {"w": flat(2), "v": flat(3), "loc": jaxem.flat((3, 2))},
        X,
        "a = 0, b = 2",
    ),
    "codes from 1": (table, PAIR, {"w": flat(2), "q": flat(2, 3)}, CODES + 1, "row 3.*begin at 1"),
    "a code for missing": (
        table,
        PAIR,
        {"w": flat(2), "q": flat(2, 3)},
        np.where(CODES == 2, -1, CODES),
        "negative index for the row -1",
    ),
    "codes that are floats": (
        table,
        PAIR,
        {"w": flat(2), "q": flat(2, 3)},
        CODES.astype(float),
        r"must be integers: code = code\.astype\(int\)",
    ),
    "codes that are truth values": (
        table,
        PAIR,
        {"w": flat(2), "q": flat(2, 3)},
        CODES > 0,
        r"must be integers: code = code\.astype\(int\)",
    ),
    "codes from 1 through Categorical": (
        lambda p, z, x: jnp.log(p["w"][z]) + dist.Categorical(p["q"][z]).log_prob(x),
        PAIR,
        {"w": flat(2), "q": flat(2, 3)},
        CODES + 1,
        r"first for the row 3.*categories are 0, 1, 2",
    ),
    "weights of 1.1": (
        centres,
        PAIR,
        {"w": dist.Delta(jnp.array([0.6, 0.5])), "loc": jaxem.flat(2)},
        X,
        "fixes 'w'.*sum to 1.1",
    ),
    "weights of 0.9": (
        categorical,
        jaxem.Finite(3),
        {"w": dist.Delta(jnp.array([0.3, 0.3, 0.3])), "loc": jaxem.flat(3)},
        X,
        r"sum to 0\.9",
    ),
    "transitions of 0.9": (
        step,
        CHAINED,
        {"w": flat(2), "trans": dist.Delta(jnp.full((2, 2), 0.45)), "loc": jaxem.flat(2)},
        CHAIN,
        r"fixes 'trans'.*0\.9, 0\.9",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_sizes_that_do_not_fit_are_refused(name):
    log_joint, latent, prior, data, words = REFUSED[name]
    with pytest.raises(jaxem.DeclarationError, match=words):
        jaxem.fit(jaxem.Model(log_joint, latent, prior), data)


def ordinal(p, z, x):
    """Cut points of which state z has two: all are read, none by itself in every place."""
    inside = jnp.exp(p["cut"][z + 1]) - jnp.exp(p["cut"])[z]
    return -x * jnp.abs(inside) + jnp.log(p["w"][z])


ACCEPTED = {
    "levels that never occur": (table, PAIR, {"w": flat(2), "q": flat(2, 5)}, CODES),
    "a level 0 that never occurs": (table, PAIR, {"w": flat(2), "q": flat(2, 4)}, CODES + 1),
    "one level alone": (table, PAIR, {"w": flat(2), "q": flat(2, 4)}, 0 * CODES + 2),
    "missing, and left out": (
        unseen,
        PAIR,
        {"w": flat(2), "q": flat(2, 3)},
        np.where(CODES == 2, -1, CODES),
    ),
    "edges between states": (ordinal, PAIR, {"w": flat(2), "cut": jaxem.flat(3)}, np.abs(X)),
    "an entry that all states share": (
        lambda p, z, x: centres(p, z, x) - (x - p["loc"][2]) ** 2,
        PAIR,
        {"w": flat(2), "loc": jaxem.flat(3)},
        X,
    ),
    "a state counted from the end": (
        lambda p, z, x: jnp.log(p["w"][z]) - (x - p["loc"][z - 1]) ** 2,
        PAIR,
        {"w": flat(2), "loc": jaxem.flat(2)},
        X,
    ),
    "a state without the parameter": (
        lambda p, z, x: jnp.log(p["w"][z]) + jnp.where(z < 2, -jnp.abs(x - p["loc"][z]), -2.0),
        jaxem.Finite(3),
        {"w": flat(3), "loc": jaxem.flat(2)},
        X,
    ),
    "read by a prior": (
        centres,
        PAIR,
        {"w": flat(2), "top": lambda p: dist.Normal(p["loc"][2], 1.0), "loc": jaxem.flat(3)},
        X,
    ),
    "a chain": (
        step,
        CHAINED,
        {"w": flat(2), "trans": flat(2, 2), "loc": jaxem.flat(2)},
        np.arange(12.0),
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_sizes_that_fit_are_accepted(name):
    log_joint, latent, prior, data = ACCEPTED[name]
    check_indices(jaxem.Model(log_joint, latent, prior), data)


KNOWN = {
    "they sum to one": ([0.3, 0.7], centres),
    "counts": ([1.0, 2.0], centres),
    "no weights": ([0.3, 0.3], lambda p, z, x: -p["w"][z] * (x - p["loc"][z]) ** 2),
    "beside others": ([0.3, 0.3], lambda p, z, x: jnp.log(p["w"][z]) * x - (x - p["loc"][z]) ** 2),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_numbers_that_are_no_weights_are_accepted(name):
    known, log_joint = KNOWN[name]
    prior = {"w": dist.Delta(jnp.asarray(known)), "loc": jaxem.flat(2)}
    make_plan(jaxem.Model(log_joint, PAIR, prior), X, np.ones(len(X)))


@pytest.fixture(scope="module")
def fitted():
    model = jaxem.Model(table, PAIR, {"w": flat(2), "q": flat(2, 3)})
    return jaxem.fit(model, CODES, max_steps=2)


@pytest.mark.parametrize("reading", ["predict", "responsibilities", "log_density"])
def test_codes_are_checked_at_reading_time(fitted, reading):
    with pytest.raises(jaxem.DeclarationError, match="past its end for the row 3"):
        getattr(fitted, reading)(CODES + 1)
    with pytest.raises(jaxem.DeclarationError, match="negative index"):
        getattr(fitted, reading)(CODES - 1)
    with pytest.raises(jaxem.DeclarationError, match="masked in 1 of 12"):
        getattr(fitted, reading)(np.ma.masked_array(CODES, mask=CODES > CODES[:1] + 10 * (X < 2.7)))


def test_a_row_of_weight_zero_may_hold_any_code(fitted):
    codes = np.append(CODES[:-1], 9)
    weights = np.append(np.ones(11), 0.0)
    assert jaxem.fit(fitted.model, codes, weights=weights, max_steps=1).rows == 11


def test_a_code_in_one_row_of_many_columns_is_found():
    rng = np.random.default_rng(0)
    data = rng.integers(0, 3, (300, 40))
    data[211, 35] = 3
    model = jaxem.Model(
        lambda p, z, x: jnp.log(p["w"][z]) + jnp.log(p["q"][z, jnp.arange(40), x]).sum(),
        PAIR,
        {"w": flat(2), "q": flat(2, 40, 3)},
    )
    with pytest.raises(jaxem.DeclarationError, match="past its end"):
        check_indices(model, data)
