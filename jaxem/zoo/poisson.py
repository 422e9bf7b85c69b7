"""Mixtures of Poisson distributions."""

import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.latent import Finite
from jaxem.model import Model, flat
from jaxem.model.copied import declared_by
from jaxem.types import Array, Params
from jaxem.zoo.weights import mixing_weights


@declared_by
def poisson_mixture(components: int) -> Model:
    """A mixture of K Poisson distributions, by maximum likelihood.

    Parameters of the model: `weights` (K,), `rate` (K,). A row of the data is one count.

    Args:
        components: Number of components K.
    """

    def log_joint(params: Params, z: Array, x: Array) -> Array:
        log_weight = dist.CategoricalProbs(params["weights"]).log_prob(z)
        return log_weight + dist.Poisson(params["rate"][z]).log_prob(x)

    return Model(
        log_joint,
        latent=Finite(components),
        prior={
            "weights": mixing_weights(components),
            "rate": flat((components,), constraints.positive),
        },
    )
