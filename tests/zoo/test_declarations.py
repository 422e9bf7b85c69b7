"""Shapes of the parameters, priors of every form of covariance, and arguments that are refused."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxem import zoo
from jaxem.types import DeclarationError

SHAPES = {
    "full": {"weights": (3,), "loc": (3, 2), "cov": (3, 2, 2)},
    "tied": {"weights": (3,), "loc": (3, 2), "cov": (2, 2)},
    "diagonal": {"weights": (3,), "loc": (3, 2), "variance": (3, 2)},
    "spherical": {"weights": (3,), "loc": (3, 2), "variance": (3,)},
}
SCALES = {"full": np.eye(2), "tied": np.eye(2), "diagonal": np.ones(2), "spherical": 1.0}


def shapes(model):
    return {parameter.name: parameter.shape for parameter in model.parameters}


@pytest.mark.parametrize("covariance", SHAPES)
@pytest.mark.parametrize("with_prior", [False, True])
def test_shapes(covariance, with_prior):
    conjugate = zoo.NormalInverseWishart([0.0, 0.0], 0.1, 4.0, SCALES[covariance])
    model = zoo.gaussian_mixture(
        3, 2, covariance, conjugate=conjugate if with_prior else None, weights_concentration=2.0
    )
    assert shapes(model) == SHAPES[covariance]


@pytest.mark.parametrize("covariance", SHAPES)
def test_every_covariance_is_the_same_density_where_they_meet(covariance):
    """One variance for all: the four forms then describe one and the same mixture."""
    spread = {
        "full": {"cov": jnp.broadcast_to(4 * jnp.eye(2), (3, 2, 2))},
        "tied": {"cov": 4 * jnp.eye(2)},
        "diagonal": {"variance": jnp.full((3, 2), 4.0)},
        "spherical": {"variance": jnp.full(3, 4.0)},
    }[covariance]
    loc = jnp.arange(6.0).reshape(3, 2)
    params = {"weights": jnp.array([0.2, 0.3, 0.5]), "loc": loc, **spread}
    rows = jnp.array([[0.5, -1.0], [3.0, 3.0]])
    expected = [
        [
            np.log(weight) + stats.norm(mean, 2.0).logpdf(np.asarray(row)).sum()
            for weight, mean in zip(params["weights"], np.asarray(loc), strict=True)
        ]
        for row in rows
    ]
    model = zoo.gaussian_mixture(3, 2, covariance)
    np.testing.assert_allclose(model.log_factors(params, rows), expected, rtol=1e-12)


def test_prior_of_one_variance_is_the_one_dimensional_inverse_wishart():
    conjugate = zoo.NormalInverseWishart([1.0], kappa=0.5, df=3.0, scale=[2.0])
    matrix = zoo.NormalInverseWishart([1.0], kappa=0.5, df=3.0, scale=[[2.0]])
    diagonal = zoo.gaussian_mixture(1, 1, "diagonal", conjugate=conjugate)
    full = zoo.gaussian_mixture(1, 1, "full", conjugate=matrix)
    shared = {"weights": jnp.ones(1), "loc": jnp.array([[0.3]])}
    assert diagonal.log_prior({**shared, "variance": jnp.array([[1.7]])}) == pytest.approx(
        float(full.log_prior({**shared, "cov": jnp.array([[[1.7]]])})), abs=1e-12
    )


def test_known_weights_are_fixed():
    model = zoo.binomial_mixture(2, trials=10, weights=[0.25, 0.75])
    assert [parameter.name for parameter in model.free] == ["probs"]


def test_items_with_their_own_numbers_of_levels():
    model = zoo.latent_classes(2, [2, 3])
    assert shapes(model) == {"weights": (2,), "probs.item_1": (2, 2), "probs.item_2": (2, 3)}
    params = {
        "weights": jnp.array([0.5, 0.5]),
        "probs": {
            "item_1": jnp.array([[0.9, 0.1], [0.4, 0.6]]),
            "item_2": jnp.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]),
        },
    }
    factors = model.log_factors(params, jnp.array([[1, 2]]))
    np.testing.assert_allclose(jnp.exp(factors), [[0.5 * 0.1 * 0.5, 0.5 * 0.6 * 0.8]])


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: zoo.gaussian_mixture(2, 2, "ful"), "full, tied, diagonal, spherical"),
        (lambda: zoo.gaussian_mixture(2, 2, weights_concentration=[1.0] * 3), "2 components"),
        (lambda: zoo.binomial_mixture(2, 10, [0.5, 0.6]), "add up to 1"),
        (lambda: zoo.k_means(2, 2, scale=[1.0, 0.0]), "positive"),
        (lambda: zoo.k_means(2, 2, scale=[1.0] * 3), "2 features"),
        (
            lambda: zoo.gaussian_mixture(
                2, 2, conjugate=zoo.NormalInverseWishart([0.0], 1.0, 4.0, np.eye(2))
            ),
            "loc has shape",
        ),
        (
            lambda: zoo.gaussian_mixture(
                2, 2, conjugate=zoo.NormalInverseWishart([0.0, 0.0], 1.0, 1.0, np.eye(2))
            ),
            "more than 1",
        ),
    ],
)
def test_wrong_arguments(declare, said):
    with pytest.raises(DeclarationError, match=said):
        declare()
