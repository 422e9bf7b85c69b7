r"""K-means: the mixture whose components differ in location alone, fitted with a hard E-step.

With equal weights and one fixed standard deviation a feature, the log joint is
:math:`-\tfrac12 \sum_d (x_d - \mu_{zd})^2 / s_d^2` plus a constant: classification EM
(`jaxem.EM(e_step=jaxem.Hard())`) is Lloyd's algorithm, and its objective is minus half the sum of
squares, plus that constant.

Source:
    G. Celeux and G. Govaert (1992), "A classification EM algorithm for clustering and two
    stochastic versions", Computational Statistics & Data Analysis 14, 315-332.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from jaxem.latent import Finite
from jaxem.model import Model, flat
from jaxem.model.copied import declared_by
from jaxem.types import Array, DeclarationError, Params
from jaxem.zoo.rows import check_entries


@declared_by
def k_means(components: int, features: int, scale: float | Sequence[float] = 1.0) -> Model:
    """Equal weights, fixed scales; to be fitted with `jaxem.EM(e_step=jaxem.Hard())`.

    Parameter of the model: `loc` (K, D). A row of the data is (D,).

    Args:
        components: Number of clusters K.
        features: Number of features D.
        scale: The unit of distance, one number or one a feature. Give the standard deviation of
            each feature to cluster standardised data without changing the units of the centres.

    Raises:
        DeclarationError: If a scale is not positive, or there are not D of them.
    """
    scales = np.asarray(scale, float)
    if scales.shape not in ((), (features,)) or not (scales > 0).all():
        raise DeclarationError(
            f"scale={scale!r}; give one positive number, or one for each of {features} features."
        )

    def log_joint(params: Params, z: Array, x: Array) -> Array:
        check_entries(x, features, "features")
        return dist.Normal(params["loc"][z], scales).log_prob(x).sum() - jnp.log(components)

    return Model(log_joint, latent=Finite(components), prior={"loc": flat((components, features))})
