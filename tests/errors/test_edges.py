"""Errors of what is on a boundary, and of what nothing is known."""

import functools

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem.likelihood.chart import make_chart

WORDS = np.array([[0, 1, 2, 3], [1, 2, 3, 0], [0, 2, 3, 0], [2, 1, 0, 3]])
LENGTHS = np.array([4, 3, 3, 4])
MOVES = np.array([[0, 1, 1, 1], [1, 0, 2, 0], [0, 1, 0, 3], [1, 1, 1, 1]])


def seen_states(p, z_prev, z, x):
    chances = p["initial"] if z_prev is None else p["transition"][z_prev]
    return jnp.log(chances[z]) + jnp.where(z == x, 0.0, -jnp.inf)


@functools.cache
def markov():
    prior = {
        "initial": jaxem.flat((4,), constraints.simplex),
        "transition": jaxem.flat((4, 4), constraints.simplex),
    }
    return jaxem.Model(seen_states, jaxem.Chain(4), prior)


@pytest.mark.long
def test_zeros_of_a_seen_chain_have_no_errors_and_the_others_those_of_proportions():
    start = {"initial": np.array([2, 1, 1, 0]) / 4, "transition": MOVES / MOVES.sum(1)[:, None]}
    fit = jaxem.fit(markov(), WORDS, lengths=LENGTHS, init=start)
    errors = fit.errors(WORDS, lengths=LENGTHS)
    p = MOVES[:3] / MOVES[:3].sum(1)[:, None]
    right = np.sqrt(p * (1 - p) / MOVES[:3].sum(1)[:, None])
    right[p == 0] = np.nan
    np.testing.assert_allclose(errors.se["transition"][:3], right, rtol=1e-6)
    assert np.isnan(errors.se["transition"][3]).all()  # state 3 is never left
    assert sum("not identified" in note for note in errors.notes) == 3
    assert errors.rate == pytest.approx(0, abs=1e-6)  # nothing is hidden
    lower = errors.interval().lower["transition"]
    assert np.isnan(lower[:3][p == 0]).all()
    zero = fit.errors(WORDS, lengths=LENGTHS, of=lambda p: p["transition"][0, 0])
    assert np.isnan(zero.se)


@pytest.mark.parametrize(
    ("prior", "where"),
    [
        (jaxem.flat((), constraints.interval(-1.0, 0.5)), 0.5),
        (dist.Uniform(-1.0, 0.5), 0.5),
        (jaxem.flat((), constraints.less_than(0.5)), 0.5),
        (jaxem.flat((), constraints.greater_than(2.0)), 2.0),
    ],
)
def test_an_end_of_an_interval_has_no_error(prior, where):
    x = np.arange(12.0) / 12 + 0.6

    def log_joint(p, z, x):
        return jnp.log(0.5) + dist.Normal(p["loc"], p["scale"][z]).log_prob(x)

    scales = jaxem.flat((2,), constraints.positive)
    model = jaxem.Model(log_joint, jaxem.Finite(2), {"loc": prior, "scale": scales})
    values = {"loc": np.asarray(where), "scale": np.array([1.0, 2.0])}
    chart, place = make_chart(model, values, {}, {}, float(len(x)))
    assert place.edge["loc"] and not place.edge["scale"].any()
    assert place.names == ("log scale[0]", "log scale[1]")
    assert np.isfinite(chart.base).all()
    assert chart.values(model, chart.point)["loc"] == pytest.approx(where)


def test_ties_of_ordered_numbers_are_held():
    prior = {"loc": jaxem.flat((3,), constraints.ordered_vector)}
    model = jaxem.Model(lambda p, z, x: -((x - p["loc"][z]) ** 2), jaxem.Finite(3), prior)
    chart, place = make_chart(model, {"loc": np.array([0.0, 1.0, 1.0])}, {}, {}, 10.0)
    np.testing.assert_array_equal(place.edge["loc"], [False, False, True])
    assert len(place.names) == 2
    np.testing.assert_allclose(chart.values(model, chart.point)["loc"], [0, 1, 1], atol=1e-12)


def test_where_all_is_held_there_are_no_errors_and_a_note():
    """Two means, both at the ends of their interval."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-2, 1, 100), rng.normal(2, 1, 100)])
    model = jaxem.Model(
        lambda p, z, x: jnp.log(0.5) + dist.Normal(p["loc"][z], 1.0).log_prob(x),
        jaxem.Finite(2),
        {"loc": dist.Uniform(-1.0, 1.0).expand((2,))},
    )
    fit = jaxem.fit(model, x, init={"loc": [-0.5, 0.5]})
    assert fit.converged
    for kind in ("information", "sandwich"):
        errors = fit.errors(x, kind=kind)
        np.testing.assert_allclose(errors.estimate["loc"], [-1.0, 1.0], atol=1e-9)
        assert np.isnan(errors.se["loc"]).all() and errors.boundary == ("loc[0]", "loc[1]")
    assert np.isnan(fit.errors(x, of=lambda p: p["loc"].sum()).se)
