r"""The conjugate prior of a Gaussian's location and covariance.

.. math::
    \mu \mid \Sigma \sim N(m, \Sigma / \kappa), \qquad \Sigma \sim W^{-1}(\Psi, \nu).

Its mode keeps the M-step closed, and keeps covariances away from zero: no component can collapse.
For variances in place of a covariance matrix, each has the one-dimensional inverse Wishart
distribution, the inverse gamma with shape :math:`\nu/2` and scale :math:`\psi/2`.

Source:
    C. Fraley and A. E. Raftery (2007), "Bayesian regularization for normal mixture estimation and
    model-based clustering", Journal of Classification 24, 155-181.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from jaxem.types import DeclarationError, Params


class NormalInverseWishart(NamedTuple):
    """Parameters of the prior.

    Attributes:
        loc: Prior location m, (D,).
        kappa: Strength of the prior location, in observations.
        df: Degrees of freedom, more than D - 1.
        scale: Prior scale; the shape of one component's covariance: (D, D) for full and tied,
            (D,) for diagonal, a number for spherical.
    """

    loc: Any
    kappa: float
    df: float
    scale: Any

    def location_given_covariance(self, components: int) -> Callable[[Params], dist.Distribution]:
        """Prior of locations (K, D) given `cov`, (K, D, D) or (D, D)."""
        loc = jnp.broadcast_to(jnp.asarray(self.loc, float), (components, np.shape(self.loc)[-1]))
        return lambda params: dist.MultivariateNormal(loc, params["cov"] / self.kappa)

    def location_given_variance(self, components: int) -> Callable[[Params], dist.Distribution]:
        """Prior of locations (K, D) given `variance`, (K, D) or (K,)."""
        loc = jnp.broadcast_to(jnp.asarray(self.loc, float), (components, np.shape(self.loc)[-1]))

        def prior(params: Params) -> dist.Distribution:
            variance = params["variance"].reshape(components, -1)
            return dist.Normal(loc, jnp.sqrt(variance / self.kappa))

        return prior

    def covariance(self, batch: tuple[int, ...]) -> dist.Distribution:
        """Prior of covariance matrices, shape (*batch, D, D)."""
        scale = jnp.asarray(self.scale, float)
        return dist.InverseWishart(self.df, scale_matrix=scale).expand(batch)

    def variance(self, shape: tuple[int, ...]) -> dist.Distribution:
        """Prior of variances, of the shape given."""
        scale = jnp.broadcast_to(jnp.asarray(self.scale, float), shape)
        return dist.InverseGamma(self.df / 2, scale / 2)

    def check(self, features: int, scale_shape: tuple[int, ...]) -> None:
        """Raise a DeclarationError where a shape or a range is wrong."""
        for name, value, expected in (
            ("loc", self.loc, (features,)),
            ("scale", self.scale, scale_shape),
        ):
            if np.shape(value) != expected:
                raise DeclarationError(
                    f"conjugate prior: {name} has shape {np.shape(value)}; this model has "
                    f"{features} features, and expects {expected}."
                )
        least = features - 1 if len(scale_shape) == 2 else 0
        if not self.kappa > 0 or not self.df > least:
            raise DeclarationError(
                f"conjugate prior: kappa = {self.kappa} must be positive, and df = {self.df} "
                f"more than {least}."
            )
