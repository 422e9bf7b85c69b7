"""What a prior says of its parameter: shape, support, density, and whether it is fixed."""

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints

import jaxem
from jaxem import DeclarationError
from jaxem.model.reading import read_prior
from jaxem.supports import (
    CholeskyFactors,
    PositiveDefinite,
    PositiveNumbers,
    RealNumbers,
    Transformed,
    UnitInterval,
    UnitSimplex,
)


def read(prior):
    (parameter,), _ = read_prior({"a": prior})
    return parameter


SUPPORTS = {
    "real": (RealNumbers, dist.Normal(0.0, 1.0), (), 0),
    "real ": (RealNumbers, dist.MultivariateNormal(jnp.zeros(3), jnp.eye(3)), (3,), 0),
    "positive": (PositiveNumbers, dist.Gamma(2.0, 1.0).expand([4]), (4,), 0),
    "positive ": (PositiveNumbers, dist.HalfNormal(1.0), (), 0),
    "positive  ": (PositiveNumbers, dist.LogNormal(0.0, 1.0).expand([2]).to_event(1), (2,), 0),
    "unit": (UnitInterval, dist.Beta(2.0, jnp.ones((2, 3))), (2, 3), 0),
    "unit ": (UnitInterval, dist.Uniform(0.0, 1.0), (), 0),
    "simplex": (UnitSimplex, dist.Dirichlet(jnp.ones((5, 2, 3))), (5, 2, 3), 1),
    "positive_definite": (
        PositiveDefinite,
        dist.InverseWishart(5.0, scale_matrix=jnp.eye(2)).expand([3]),
        (3, 2, 2),
        2,
    ),
    "positive_definite ": (PositiveDefinite, dist.Wishart(5.0, scale_matrix=jnp.eye(2)), (2, 2), 2),
    "lower_cholesky": (
        CholeskyFactors,
        jaxem.flat((2, 3, 3), constraints.lower_cholesky),
        (2, 3, 3),
        2,
    ),
    "other": (Transformed, dist.Uniform(-1.0, 2.0), (), 0),
    "other ": (Transformed, dist.LKJCholesky(3, 1.0), (3, 3), 2),
}


@pytest.mark.parametrize("name", SUPPORTS)
def test_shape_and_support_come_from_the_distribution(name):
    support, prior, shape, event = SUPPORTS[name]
    parameter = read(prior)
    assert type(parameter.support) is support
    assert (parameter.shape, parameter.event_dim) == (shape, event)
    assert parameter.fixed is None
    centre = parameter.center()
    assert centre.shape == shape and np.all(parameter.constraint(jnp.asarray(centre)))
    u = parameter.unconstrain(jnp.asarray(centre))
    assert u.shape == parameter.unconstrained_shape
    np.testing.assert_allclose(parameter.constrain(u), centre, atol=1e-12)
    np.testing.assert_allclose(parameter.from_real(parameter.to_real(centre)), centre, atol=1e-12)


def test_flat_has_no_density_and_any_shape():
    parameter = read(jaxem.flat((4, 2), constraints.simplex))
    assert parameter.described == "flat" and parameter.shape == (4, 2)
    assert read(jaxem.flat()).shape == () and read(jaxem.flat(3)).shape == (3,)
    with pytest.raises(DeclarationError, match="2 axes"):
        jaxem.flat((3,), constraints.positive_definite)


def test_a_delta_fixes():
    parameter = read(dist.Delta(jnp.array([1.0, 2.0])))
    np.testing.assert_array_equal(parameter.fixed, [1.0, 2.0])
    assert parameter.described == "fixed"
    np.testing.assert_array_equal(read(dist.Delta(jnp.ones(2), event_dim=1)).fixed, [1.0, 1.0])


def test_a_simplex_of_one_category_is_known():
    np.testing.assert_array_equal(
        read(jaxem.flat((2, 1), constraints.simplex)).fixed, np.ones((2, 1))
    )


def test_names_are_dotted_paths_in_the_order_of_the_declaration():
    prior = {"b": {"y": jaxem.flat(), "x": jaxem.flat((2,))}, "a": jaxem.flat()}
    assert [p.name for p in read_prior(prior)[0]] == ["b.y", "b.x", "a"]


def test_a_prior_may_ask_for_others_in_any_order():
    prior = {
        "loc": lambda params: dist.Normal(params["top"]["centre"], params["width"]).expand([3]),
        "width": lambda params: dist.HalfNormal(jnp.exp(params["top"]["centre"])),
        "top": {"centre": dist.Normal(0.0, 1.0)},
    }
    loc, width, centre = read_prior(prior)[0]
    assert loc.is_conditional and width.is_conditional and not centre.is_conditional
    assert loc.shape == (3,) and width.support == PositiveNumbers()
    assert loc.described == "Normal given others"


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        ({"a": 3.0}, "prior.'a'. is 3.0.*flat.*Delta"),
        ({"a": dist.Normal}, "prior.'a'"),
        ({"a": dist.Poisson(3.0)}, "Poisson, a discrete.*latent"),
        ({}, "no entries"),
        ([dist.Normal()], "dictionary.*list"),
        ({1: dist.Normal()}, "names are strings.*1"),
        ({"a": lambda p: dist.Normal(p["b"], 1.0)}, "'a'.*asks for parameter 'b'"),
        ({"a": lambda p: 3.0}, "prior.'a'. is 3.0"),
    ],
)
def test_what_is_no_prior_is_explained(prior, words):
    with pytest.raises(DeclarationError, match=words):
        read_prior(prior)


@pytest.mark.parametrize("constraint", ["positive", "unit_interval", "simplex"])
def test_the_interior_is_next_to_the_edge(constraint):
    edge = [0.0, 1.0]
    parameter = read(jaxem.flat((2,), getattr(constraints, constraint)))
    inside = np.asarray(parameter.interior(jnp.array(edge)))
    assert np.all(inside > 0) and np.all(np.abs(inside - edge) < 1e-15)
    assert np.all(np.isfinite(parameter.unconstrain(jnp.array(edge))))
