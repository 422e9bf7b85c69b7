"""A declared model: its table, its prior, its likelihood."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem

DATA = np.array([0.5, -1.0, 3.0])
PARAMS = {"weights": np.array([0.3, 0.7]), "shape": {"loc": np.array([0.0, 2.0]), "scale": 1.5}}


@pytest.fixture(scope="module")
def model():
    def log_joint(params, z, x):
        shape = params["shape"]
        kind = jnp.log(params["weights"][z])
        return kind + dist.Normal(shape["loc"][z], shape["scale"]).log_prob(x)

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(2),
        prior={
            "weights": dist.Dirichlet(jnp.array([2.0, 3.0])),
            "shape": {
                "loc": lambda params: dist.Normal(0.0, params["shape"]["scale"]).expand([2]),
                "scale": dist.Gamma(2.0, 1.0),
            },
            "unused": dist.Delta(jnp.ones(2)),
        },
    )


FULL = {**PARAMS, "unused": np.ones(2)}


def test_the_table_has_a_row_a_datum_and_a_column_a_state(model):
    table = np.asarray(model.log_factors(FULL, DATA))
    expected = [
        [
            np.log(w) + float(dist.Normal(m, 1.5).log_prob(x))
            for w, m in zip([0.3, 0.7], [0.0, 2.0], strict=True)
        ]
        for x in DATA
    ]
    np.testing.assert_allclose(table, expected, rtol=1e-13)


def test_the_log_prior_is_the_sum_of_what_is_not_fixed_or_flat(model):
    expected = (
        dist.Dirichlet(jnp.array([2.0, 3.0])).log_prob(PARAMS["weights"])
        + dist.Normal(0.0, 1.5).log_prob(PARAMS["shape"]["loc"]).sum()
        + dist.Gamma(2.0, 1.0).log_prob(1.5)
    )
    np.testing.assert_allclose(model.log_prior(FULL), expected, rtol=1e-13)


def test_the_log_likelihood_with_weights(model):
    evidence = jax.scipy.special.logsumexp(model.log_factors(FULL, DATA), axis=1)
    np.testing.assert_allclose(model.log_likelihood(FULL, DATA), evidence.sum(), rtol=1e-13)
    weights = np.array([2.0, 0.0, 0.5])
    np.testing.assert_allclose(
        model.log_likelihood(FULL, DATA, weights), weights @ evidence, rtol=1e-13
    )


def test_nesting_and_flattening(model):
    flat = model.flatten(FULL)
    assert list(flat) == ["weights", "shape.loc", "shape.scale", "unused"]
    assert jax.tree.structure(model.nest(flat)) == jax.tree.structure(FULL)
    assert [p.name for p in model.free] == ["weights", "shape.loc", "shape.scale"]
    assert repr(model) == "Model(Finite(2); weights, shape.loc, shape.scale, unused)"


def test_at_an_exact_edge_the_prior_is_a_number():
    """0 * log 0 is what the density says; just inside there is nothing wrong."""
    model = jaxem.Model(
        lambda params, z, x: jnp.log(params["p"][z]) + x * 0,
        jaxem.Finite(2),
        {"p": dist.Dirichlet(jnp.ones(2))},
    )
    np.testing.assert_allclose(model.log_prior({"p": np.array([1.0, 0.0])}), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3, jaxem.Finite(2), {"a": jaxem.flat()}), "log_joint must be a function.*int"),
        ((lambda p, z, x: 0.0, 3, {"a": jaxem.flat()}), "latent structure.*Finite.3.*got 3"),
        ((lambda p, z: 0.0, jaxem.Finite(2), {"a": jaxem.flat()}), "three positional arguments"),
        ((lambda p, z, x, y: 0.0, jaxem.Finite(2), {"a": jaxem.flat()}), "three positional"),
    ],
)
def test_parts_of_the_wrong_kind_are_explained(arguments, words):
    with pytest.raises(jaxem.DeclarationError, match=words):
        jaxem.Model(*arguments)


def test_a_constraint_of_its_own_is_no_obstacle():
    """An interval that is not the unit interval has no closed forms, and is fitted all the same."""
    model = jaxem.Model(
        lambda params, z, x: jnp.log(0.5) + dist.Normal(params["loc"][z], 1.0).log_prob(x),
        jaxem.Finite(2),
        {"loc": jaxem.flat((2,), constraints.interval(-1.0, 2.5))},
    )
    data = np.concatenate([np.linspace(-4, -2, 9), np.linspace(1, 2, 9)])
    fit = jaxem.fit(model, data, init={"loc": np.array([0.0, 2.0])})
    np.testing.assert_allclose(fit.params["loc"][0], -1.0, atol=1e-3)
    assert abs(fit.params["loc"][1] - 1.45) < 0.1


def test_a_factor_joins_the_log_prior():
    def about(factor):
        return jaxem.Model(
            lambda params, z, x: dist.Normal(params["loc"][z], 1.0).log_prob(x),
            latent=jaxem.Finite(2),
            prior={"loc": dist.Normal(0.0, 3.0).expand((2,))},
            factor=factor,
        )

    params = {"loc": jnp.array([0.5, 2.0])}
    gap = about(lambda params: -jnp.square(params["loc"][1] - params["loc"][0] - 1.0))
    assert float(gap.log_prior(params) - about(None).log_prior(params)) == pytest.approx(-0.25)
    with pytest.raises(jaxem.DeclarationError, match="factor must be a function of the parameters"):
        about(3.0)


def test_a_log_joint_may_print(capfd):
    """What a person prints for debugging changes no answer."""

    def log_joint(p, z, x):
        jax.debug.print("a row: {}", x)
        return -jnp.log(2.0) - 0.5 * (x - p["loc"][z]) ** 2

    def silent(p, z, x):
        return -jnp.log(2.0) - 0.5 * (x - p["loc"][z]) ** 2

    rows = np.arange(9.0)
    fits = [
        jaxem.fit(jaxem.Model(f, jaxem.Finite(2), {"loc": jaxem.flat((2,))}), rows, restarts=2)
        for f in (log_joint, silent)
    ]
    assert "a row: 8.0" in capfd.readouterr().out
    assert fits[0].objective == pytest.approx(fits[1].objective, rel=1e-12)
