"""Mixtures of Gaussians, with the four usual shapes of covariance."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.latent import Finite
from jaxem.model import Model, flat
from jaxem.model.copied import declared_by
from jaxem.types import Array, DeclarationError, Params
from jaxem.zoo.conjugate import NormalInverseWishart
from jaxem.zoo.rows import check_entries
from jaxem.zoo.weights import mixing_weights

Covariance = Literal["full", "tied", "diagonal", "spherical"]


@declared_by
def gaussian_mixture(
    components: int,
    features: int,
    covariance: Covariance = "full",
    *,
    weights_concentration: float | Sequence[float] | None = None,
    conjugate: NormalInverseWishart | None = None,
) -> Model:
    """A mixture of K Gaussians in D dimensions; maximum likelihood unless a prior is given.

    Parameters of the model: `weights` (K,), `loc` (K, D), and `cov` (K, D, D) if full, (D, D) if
    tied, or `variance` (K, D) if diagonal, (K,) if spherical. A row of the data is (D,).

    Args:
        components: Number of components K.
        features: Number of features D.
        covariance: "full", one matrix a component; "tied", one matrix for all; "diagonal", one
            variance a component and feature; "spherical", one variance a component.
        weights_concentration: Dirichlet prior of the weights: one number, or K.
        conjugate: Normal-inverse-Wishart prior of every location and covariance.

    Raises:
        DeclarationError: If the covariance is unknown or the prior has the wrong shape.
    """
    log_density, free = emissions((components,), features, covariance)

    def log_joint(params: Params, z: Array, x: Array) -> Array:
        log_weight = dist.CategoricalProbs(params["weights"]).log_prob(z)
        return log_weight + log_density(params, z, x)

    if conjugate is None:
        prior = free
    else:
        prior = _conjugate_prior(components, features, covariance, conjugate)
    return Model(
        log_joint,
        latent=Finite(components),
        prior={
            "weights": mixing_weights(components, weights_concentration),
            **prior,
        },
    )


def emissions(components: tuple[int, ...], features: int, covariance: Covariance):
    """A log density ``(params, z, x)`` with one Gaussian a component, and its flat priors.

    Args:
        components: Number of components, or of states and of components within each; ``z`` is then
            a pair.
        features: Number of features D.
        covariance: See `gaussian_mixture`.

    Raises:
        DeclarationError: If the covariance is unknown.
    """
    if covariance not in _LOG_DENSITY:
        raise DeclarationError(
            f"covariance={covariance!r}; expected one of {', '.join(get_args(Covariance))}."
        )

    def log_density(params: Params, z: Any, x: Array) -> Array:
        check_entries(x, features, "features")
        return _LOG_DENSITY[covariance](params, z, x)

    return log_density, _flat_prior(components, features, covariance)


def _full(params: Params, z: Any, x: Array) -> Array:
    return _normal(params["loc"][z], params["cov"][z]).log_prob(x)


def _tied(params: Params, z: Any, x: Array) -> Array:
    return _normal(params["loc"][z], params["cov"]).log_prob(x)


def _normal(loc: Array, covariance: Array) -> dist.MultivariateNormal:
    """A normal without NumPyro's check of eigenvalues, for which JAX compiles twenty programs."""
    return dist.MultivariateNormal(loc, covariance_matrix=covariance, validate_args=False)


def _uncorrelated(params: Params, z: Any, x: Array) -> Array:
    return dist.Normal(params["loc"][z], jnp.sqrt(params["variance"][z])).log_prob(x).sum()


_LOG_DENSITY = {
    "full": _full,
    "tied": _tied,
    "diagonal": _uncorrelated,
    "spherical": _uncorrelated,
}


def _batch(components: tuple[int, ...], covariance: str) -> tuple[int, ...]:
    return () if covariance == "tied" else components


def _flat_prior(components: tuple[int, ...], features: int, covariance: str) -> dict[str, Any]:
    batch = _batch(components, covariance)
    prior: dict[str, Any] = {"loc": flat((*components, features))}
    if covariance in ("full", "tied"):
        shape = (*batch, features, features)
        return prior | {"cov": flat(shape, constraints.positive_definite)}
    shape = (*batch, features) if covariance == "diagonal" else batch
    return prior | {"variance": flat(shape, constraints.positive)}


def _conjugate_prior(
    components: int, features: int, covariance: str, conjugate: NormalInverseWishart
) -> dict[str, Any]:
    batch = _batch((components,), covariance)
    if covariance in ("full", "tied"):
        conjugate.check(features, (features, features))
        return {
            "loc": conjugate.location_given_covariance(components),
            "cov": conjugate.covariance(batch),
        }
    one = (features,) if covariance == "diagonal" else ()
    conjugate.check(features, one)
    return {
        "loc": conjugate.location_given_variance(components),
        "variance": conjugate.variance((*batch, *one)),
    }
