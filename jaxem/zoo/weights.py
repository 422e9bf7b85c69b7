"""The prior of the mixing weights of mixtures in the zoo."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.model import flat
from jaxem.types import DeclarationError


def mixing_weights(
    components: int, concentration: float | Sequence[float] | None = None
) -> dist.Distribution:
    r"""Flat on the simplex, or Dirichlet with density :math:`\prod_k \pi_k^{\alpha_k - 1}`.

    Args:
        components: Number of components K.
        concentration: The :math:`\alpha` of every component, or one a component; None is flat.

    Returns:
        A prior over weights of shape (K,).

    Raises:
        DeclarationError: If there are not as many concentrations as components.
    """
    if concentration is None:
        return flat((components,), constraints.simplex)
    alpha = np.asarray(concentration, float)
    if alpha.shape not in ((), (components,)):
        raise DeclarationError(
            f"weights_concentration has shape {alpha.shape}; give one number, or one for each of "
            f"the {components} components."
        )
    return dist.Dirichlet(jnp.broadcast_to(jnp.asarray(alpha), (components,)))
