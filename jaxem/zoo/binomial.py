"""Mixtures of binomial distributions: coins of unknown bias, tossed equally often."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.latent import Finite
from jaxem.model import Model, flat
from jaxem.model.copied import declared_by
from jaxem.types import Array, DeclarationError, Params
from jaxem.zoo.weights import mixing_weights


@declared_by
def binomial_mixture(components: int, trials: int, weights: Sequence[float] | None = None) -> Model:
    """A mixture of K binomial distributions, by maximum likelihood.

    Parameters of the model: `weights` (K,), `probs` (K,). A row of the data is one number of
    successes.

    Args:
        components: Number of components K.
        trials: Number of trials in every row.
        weights: Known mixing weights, which are then fixed; estimated if None.

    Raises:
        DeclarationError: If the weights given are not K probabilities.
    """

    def log_joint(params: Params, z: Array, x: Array) -> Array:
        log_weight = dist.CategoricalProbs(params["weights"]).log_prob(z)
        return log_weight + dist.Binomial(trials, params["probs"][z]).log_prob(x)

    return Model(
        log_joint,
        latent=Finite(components),
        prior={
            "weights": mixing_weights(components)
            if weights is None
            else _known(weights, components),
            "probs": flat((components,), constraints.unit_interval),
        },
    )


def _known(weights: Sequence[float], components: int) -> dist.Distribution:
    values = np.asarray(weights, float)
    if values.shape != (components,) or (values < 0).any() or not np.isclose(values.sum(), 1):
        raise DeclarationError(
            f"weights={weights!r}; give {components} probabilities that add up to 1."
        )
    return dist.Delta(jnp.asarray(values))
