r"""Penalties as priors: lasso, ridge and elastic net, as NumPyro distributions.

.. math:: -\log p(x) = \lambda_1 |x - c| + \tfrac12 \lambda_2 (x - c)^2 + \log Z

With one of the two this is a Laplace or a normal density; with both it is the prior of the elastic
net (Zou and Hastie 2005), and

.. math:: Z = 2 \sqrt{2 \pi / \lambda_2} \; e^{\lambda_1^2 / 2 \lambda_2} \;
          \Phi\bigl(-\lambda_1 / \sqrt{\lambda_2}\bigr).

    H. Zou and T. Hastie (2005), Regularization and variable selection via the elastic net, Journal
    of the Royal Statistical Society B 67(2).
"""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.scipy.special import log_ndtr
from numpyro.distributions import constraints

from jaxem.types import Array, DeclarationError

_NEWTON_STEPS = 25


class ElasticNet(dist.Distribution):
    """The prior of the elastic net, as a distribution with independent entries.

    Args:
        l1: lambda_1, coefficient of ``|x - loc|``; positive.
        l2: lambda_2, coefficient of ``(x - loc)^2 / 2``; positive.
        loc: The centre c, towards which the parameter is shrunk.
    """

    arg_constraints: ClassVar = {
        "l1": constraints.positive,
        "l2": constraints.positive,
        "loc": constraints.real,
    }
    support = constraints.real  # pyright: ignore[reportAssignmentType]

    def __init__(self, l1: Any, l2: Any, loc: Any = 0.0, *, validate_args: bool | None = None):
        self.l1, self.l2, self.loc = jnp.broadcast_arrays(*map(jnp.asarray, (l1, l2, loc)))
        super().__init__(batch_shape=jnp.shape(self.l1), validate_args=validate_args)

    def log_prob(self, value: Any) -> Array:
        """Log density, normalised."""
        distance = jnp.abs(value - self.loc)
        sqrt_l2 = jnp.sqrt(self.l2)
        normaliser = 0.5 * jnp.log(8 * jnp.pi / self.l2) + 0.5 * (self.l1 / sqrt_l2) ** 2
        squares = 0.5 * self.l2 * distance**2
        return -self.l1 * distance - squares - normaliser - log_ndtr(-self.l1 / sqrt_l2)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        """Inverse-CDF sampling of ``|x - loc|``, with a random sign.

        Solves log S(t) = -E, with S the survival function and E ~ Exp(1), by Newton's method. As
        log S is concave and decreasing, the iterates from the first on are at least the root and
        decrease to it, so no safeguard is needed.
        """
        shape = sample_shape + self.batch_shape
        size_key, sign_key = jax.random.split(key)
        target = -jax.random.exponential(size_key, shape)
        sqrt_l2 = jnp.sqrt(self.l2)
        at_zero = log_ndtr(-self.l1 / sqrt_l2)

        def log_survival(x: Array) -> Array:
            return log_ndtr(-(self.l1 + self.l2 * x) / sqrt_l2) - at_zero

        def step(_, x: Array) -> Array:
            value, slope = jax.jvp(log_survival, (x,), (jnp.ones_like(x),))
            return jnp.maximum(x - (value - target) / slope, 0.0)

        size = jax.lax.fori_loop(0, _NEWTON_STEPS, step, jnp.zeros_like(target))
        return self.loc + jax.random.rademacher(sign_key, shape, size.dtype) * size

    @property
    def mean(self) -> Array:
        """The mean, which is the centre."""
        return self.loc


def penalty(
    shape: tuple[int, ...] = (), *, l1: Any = 0.0, l2: Any = 0.0, at: Any = 0.0
) -> dist.Distribution:
    r"""The prior of log density :math:`-\lambda_1 |x-c| - \tfrac12 \lambda_2 (x-c)^2 - \log Z`.

    The prior is normalised, and the objective includes :math:`-\log Z`. It does not depend on x,
    so the objectives of fits with different strengths differ by it.

    Args:
        shape: Shape of the parameter.
        l1: :math:`\lambda_1`, a number or an array that broadcasts to the shape; with it alone,
            ``dist.Laplace(at, 1 / l1)``.
        l2: :math:`\lambda_2` likewise; with it alone, ``dist.Normal(at, 1 / sqrt(l2))``.
        at: The centre c, towards which the parameter is shrunk.

    Raises:
        DeclarationError: If a strength is negative, zero for some entries and not for others, or
            both are zero; or a shape does not fit.
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    strengths = {"l1": _strength("l1", l1, shape), "l2": _strength("l2", l2, shape)}
    first, second = (strength.max(initial=0.0) > 0 for strength in strengths.values())
    l1, l2 = (jnp.asarray(strength) for strength in strengths.values())
    at = jnp.asarray(_broadcast_to_shape("at", at, shape))
    if first and second:
        return ElasticNet(l1, l2, at)
    if first:
        return dist.Laplace(at, 1 / l1)
    if second:
        return dist.Normal(at, 1 / jnp.sqrt(l2))
    raise DeclarationError(
        f"penalty({shape}) has no strength; give l1= or l2=, or jaxem.flat({shape}) for none."
    )


def _strength(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    strength = _broadcast_to_shape(name, value, shape)
    if not np.all(np.isfinite(strength) & (strength >= 0)):
        raise DeclarationError(f"penalty: {name} must be finite and at least 0; got {value!r}.")
    if strength.size and strength.min() == 0 < strength.max():
        raise DeclarationError(
            f"penalty: {name} is zero for some entries and positive for others; make them two "
            f"parameters, each with its own prior, such as an intercept with jaxem.flat()."
        )
    return strength


def _broadcast_to_shape(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    try:
        return np.broadcast_to(np.asarray(value, float), shape)
    except ValueError:
        raise DeclarationError(
            f"penalty: {name} has shape {np.shape(value)}; expected a number, or an array that "
            f"broadcasts to the shape of the parameter, {shape}."
        ) from None
