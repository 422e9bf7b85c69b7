"""Latent classes: items that are independent of one another once the class is known."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.latent import Finite
from jaxem.model import Model, flat
from jaxem.model.copied import declared_by
from jaxem.types import Array, Params
from jaxem.zoo.rows import check_entries
from jaxem.zoo.weights import mixing_weights


@declared_by
def latent_classes(classes: int, levels: Sequence[int]) -> Model:
    """K classes; item j has a table of probabilities over its own levels in every class.

    Parameters of the model: `weights` (K,) and `probs`. Where all J items have L levels, `probs`
    is one array (K, J, L); otherwise it is a dictionary with `item_1` (K, L_1), `item_2`, and so
    on. A row of the data is (J,), with codes from 0 to L_j - 1.

    Args:
        classes: Number of classes K.
        levels: Number of levels of each item, J integers.

    Source:
        P. F. Lazarsfeld and N. W. Henry (1968), Latent Structure Analysis.
    """
    answers = _same_levels if len(set(levels)) == 1 else _own_levels

    def log_joint(params: Params, z: Array, x: Array) -> Array:
        check_entries(x, len(levels), "items")
        log_weight = dist.CategoricalProbs(params["weights"]).log_prob(z)
        return log_weight + answers(params["probs"], z, x)

    probs = (
        flat((classes, len(levels), levels[0]), constraints.simplex)
        if answers is _same_levels
        else {
            f"item_{j}": flat((classes, count), constraints.simplex)
            for j, count in enumerate(levels, start=1)
        }
    )
    return Model(
        log_joint,
        latent=Finite(classes),
        prior={"weights": mixing_weights(classes), "probs": probs},
    )


def _same_levels(probs: Array, z: Array, x: Array) -> Array:
    return dist.CategoricalProbs(probs[z]).log_prob(x).sum()


def _own_levels(probs: dict[str, Array], z: Array, x: Array) -> Array:
    """Log density of all items, with tables padded to equal length by probabilities of zero."""
    longest = max(table.shape[1] for table in probs.values())
    filled = [jnp.pad(t, ((0, 0), (0, longest - t.shape[1]))) for t in probs.values()]
    return dist.CategoricalProbs(jnp.stack(filled, 1)[z]).log_prob(x).sum()
