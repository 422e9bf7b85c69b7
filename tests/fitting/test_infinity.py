"""Suprema that no parameters reach, and maxima on the boundary of a support."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import Status

RNG = np.random.default_rng(3)
LINE = np.sort(RNG.uniform(-2, 2, 120))


def separated_logit():
    model = jaxem.Model(
        lambda p, z, row: dist.Bernoulli(logits=p["a"] + p["b"] * row["x"]).log_prob(row["y"]),
        jaxem.Finite(1),
        {"a": jaxem.flat(()), "b": jaxem.flat(())},
    )
    return model, {"x": LINE, "y": (LINE > 0.3).astype(int)}, ("a to -infinity", "b to +infinity")


def separated_gate():
    def log_joint(p, z, row):
        gate = jax.nn.log_softmax(jnp.stack([0.0, p["g0"] + p["g1"] * row["x"]]))[z]
        return gate + dist.Normal(p["a"][z] + p["b"][z] * row["x"], p["s"]).log_prob(row["y"])

    y = np.where(LINE < 0.3, 1 + 2 * LINE, 6 - 3 * LINE) + RNG.normal(0, 0.05, 120)
    prior = {"g0": jaxem.flat(()), "g1": jaxem.flat(()), "a": jaxem.flat((2,))}
    prior |= {"b": jaxem.flat((2,)), "s": jaxem.flat((), constraints.positive)}
    return jaxem.Model(log_joint, jaxem.Finite(2), prior), {"x": LINE, "y": y}, ("g0 to", "g1 to")


@pytest.mark.parametrize(
    "form", [separated_logit, pytest.param(separated_gate, marks=pytest.mark.long)]
)
def test_separation_is_told_with_its_direction(form):
    model, data, words = form()
    fit = jaxem.fit(model, data, restarts=2)
    assert fit.status == Status.SEPARATED and not fit.converged
    assert str(fit).startswith("no restart converged: 2 separated")
    for word in words:
        assert word in str(fit)


def test_what_overlaps_is_not_separated():
    model, data, _ = separated_logit()
    mixed = {"x": data["x"], "y": np.where(np.arange(120) % 7 == 0, 1 - data["y"], data["y"])}
    fit = jaxem.fit(model, mixed)
    assert fit.converged and "infinity" not in str(fit)


def test_a_logarithm_of_a_rate_of_zero_goes_to_infinity():
    model = jaxem.Model(
        lambda p, z, x: jnp.log(p["w"][z]) + dist.Poisson(jnp.exp(p["r"][z])).log_prob(x),
        jaxem.Finite(2),
        {"w": jaxem.flat((2,), constraints.simplex), "r": jaxem.flat((2,))},
    )
    calls = np.concatenate([np.zeros(20, int), RNG.poisson(12.0, 20)])
    fit = jaxem.fit(model, calls, init={"w": [0.5, 0.5], "r": [-2.0, 2.0]})
    assert fit.status == Status.SEPARATED
    assert "r[0] to -infinity" in str(fit)


@pytest.fixture(scope="module")
def edge():
    """Centres that may not go as far as the rows ask for."""
    rows = np.concatenate([RNG.normal(-2, 1, 60), RNG.normal(2, 1, 60)])
    model = jaxem.Model(
        lambda p, z, x: jnp.log(0.5) + dist.Normal(p["loc"][z], p["s"]).log_prob(x),
        jaxem.Finite(2),
        {
            "loc": dist.Uniform(-1.0, 1.0).expand((2,)),
            "s": jaxem.flat((), constraints.positive),
        },
    )
    return model, rows, jaxem.fit(model, rows, init={"loc": [-0.5, 0.5], "s": 1.0})


def test_a_maximum_on_the_edge_of_an_interval_converges_there(edge):
    _, _, fit = edge
    assert fit.converged and fit.steps < 600
    np.testing.assert_allclose(fit.params["loc"], [-1.0, 1.0], atol=1e-9)
    assert "on the boundary" in str(fit)


def test_an_entry_on_the_edge_of_an_interval_has_no_standard_error(edge):
    _, rows, fit = edge
    errors = fit.errors(rows)
    assert errors.boundary == ("loc[0]", "loc[1]")
    assert np.isnan(errors.se["loc"]).all()
    assert 0.01 < errors.se["s"] < 0.5


def test_an_angle_is_found_across_the_cut_of_its_circle():
    """The rows lie about pi, and the start is on the other side of it."""
    angles = np.angle(np.exp(1j * (np.pi + 0.15 + RNG.normal(0, 0.3, 80))))
    model = jaxem.Model(
        lambda p, z, x: dist.VonMises(p["loc"], 10.0).log_prob(x),
        jaxem.Finite(1),
        {"loc": jaxem.flat((), constraints.circular)},
    )
    fit = jaxem.fit(model, angles, init={"loc": 2.9})
    right = np.angle(np.exp(1j * angles).sum())
    assert fit.converged
    np.testing.assert_allclose(np.cos(fit.params["loc"] - right), 1.0, atol=1e-9)


def test_what_is_at_infinity_has_no_errors_and_the_others_have():
    """Two coins, told apart by a logit that grows for ever."""

    def log_joint(p, z, row):
        gate = jax.nn.log_softmax(jnp.stack([0.0, p["g"] * row["x"]]))[z]
        return gate + dist.Normal(p["loc"][z], 1.0).log_prob(row["y"])

    side = np.where(np.arange(80) % 2 == 0, -1.0, 1.0)
    data = {"x": side, "y": 20.0 * side + RNG.normal(size=80)}
    model = jaxem.Model(log_joint, jaxem.Finite(2), {"g": jaxem.flat(), "loc": jaxem.flat((2,))})
    fit = jaxem.fit(model, data, init={"g": 1.0, "loc": np.array([-15.0, 15.0])})
    assert fit.status == Status.SEPARATED and fit.endless == ("g",)
    errors = fit.errors(data)
    assert np.isnan(errors.se["g"])
    np.testing.assert_allclose(errors.se["loc"], np.sqrt(1 / 40), rtol=1e-6)
    assert "these go there, or no longer matter there: g" in str(errors)


def test_what_no_longer_matters_at_infinity_has_no_errors_either():
    """Zero is within the gap: the slope grows, and the intercept may be anything."""
    x = np.concatenate([np.linspace(-2, -0.2, 40), np.linspace(0.3, 2, 40)])
    data = {"x": x, "noise": RNG.normal(size=80), "y": (x > 0).astype(int)}
    data["v"] = RNG.normal(2.0, 1.0, 80)
    model = jaxem.Model(
        lambda p, z, row: (
            dist.Bernoulli(logits=p["a"] + p["b"] * row["x"] + p["c"] * row["noise"]).log_prob(
                row["y"]
            )
            + dist.Normal(p["m"], 1.0).log_prob(row["v"])
        ),
        jaxem.Finite(1),
        {name: jaxem.flat() for name in "abcm"},
    )
    fit = jaxem.fit(model, data)
    assert fit.status == Status.SEPARATED and "b to +infinity" in str(fit)
    errors = fit.errors(data)
    assert np.isnan([errors.se[name] for name in "abc"]).all()
    np.testing.assert_allclose(errors.se["m"], np.sqrt(1 / 80), rtol=1e-6)
    assert "no interval" in str(errors.profile("a"))


def test_states_that_are_one_are_on_a_plateau():
    """Equal means: flat to second order, and higher where they part with a smaller scale."""
    data = np.concatenate([np.linspace(-1, 1, 60), np.linspace(9, 11, 60)])
    model = jaxem.Model(
        lambda p, z, x: jnp.log(0.5) + dist.Normal(p["loc"][z], p["scale"]).log_prob(x),
        jaxem.Finite(2),
        {"loc": jaxem.flat((2,)), "scale": jaxem.flat((), constraints.positive)},
    )
    fit = jaxem.fit(model, data, init={"loc": np.full(2, 5.0), "scale": 5.0})
    assert fit.status in (Status.STALLED, Status.SADDLE)
    apart = jaxem.fit(model, data, init={"loc": np.array([0.0, 10.0]), "scale": 1.0})
    assert apart.converged and apart.objective > fit.objective + 50
