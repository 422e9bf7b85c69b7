"""Priors: one NumPyro distribution a parameter gives its support, its shape and its density."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.core import Tracer
from numpyro.distributions import biject_to, constraints

from jaxem.model.support import center, check_chart, support_kind, without_reinterpretation
from jaxem.numerics import charts
from jaxem.types import Array, DeclarationError, Params

Prior = dist.Distribution | Callable[[Params], dist.Distribution]


def flat(shape: tuple[int, ...] = (), support=constraints.real) -> dist.Distribution:
    """A flat prior: the parameter is estimated by maximum likelihood.

    Args:
        shape: Shape of the whole parameter; the last axes are the event of the support.
        support: A NumPyro constraint, real by default.

    Returns:
        An improper uniform distribution, with log density 0 on its support.

    Raises:
        DeclarationError: If the shape has fewer axes than one value of the support.
    """
    if not isinstance(support, constraints.Constraint):
        raise DeclarationError(
            f"flat: the support must be a NumPyro constraint, such as constraints.positive; got "
            f"{support!r}."
        )
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    events = support.event_dim
    if len(shape) < events:
        raise DeclarationError(
            f"flat({shape}, {support}): a value of this support has {events} axes; "
            f"give a shape with at least as many, for instance {(3,) * events}."
        )
    return dist.ImproperUniform(support, shape[: len(shape) - events], shape[len(shape) - events :])


@dataclasses.dataclass(frozen=True, eq=False)
class Parameter:
    """What is known of one parameter before any data.

    Attributes:
        name: Dotted path in the prior, for instance "emission.loc".
        path: The same as a tuple of keys.
        prior: Its distribution, or a function of the parameters that gives it.
        support: Its constraint, with reinterpreted batch axes taken off.
        kind: The family of closed forms that the support admits (see `support_kind`).
        shape: Shape of the parameter.
        fixed: Its value if a Delta prior fixes it, else None.
        described: The prior in words.
    """

    name: str
    path: tuple[str, ...]
    prior: Prior
    support: Any
    kind: str
    shape: tuple[int, ...]
    fixed: np.ndarray | None
    described: str

    @property
    def event_dim(self) -> int:
        """Axes of one value of the support: 0 for a scalar, 1 for a simplex, 2 for a matrix."""
        return self.support.event_dim

    def constrain(self, u: Array) -> Array:
        """From unconstrained coordinates to the support."""
        return biject_to(self.support)(u)

    def unconstrain(self, value: Array) -> Array:
        """To unconstrained coordinates, from a value that `interior` has made safe."""
        return biject_to(self.support).inv(self.interior(value))

    @property
    def unconstrained_shape(self) -> tuple[int, ...]:
        """Shape of the unconstrained coordinates."""
        return tuple(biject_to(self.support).inverse_shape(self.shape))

    @property
    def is_conditional(self) -> bool:
        """Whether the prior is a function of other parameters."""
        return not isinstance(self.prior, dist.Distribution)

    def distribution(self, params: Params) -> dist.Distribution:
        """The prior, given all parameters nested as declared."""
        return self.prior if isinstance(self.prior, dist.Distribution) else self.prior(params)

    def interior(self, value: Any) -> Array:
        """The value moved off an exact boundary of its support, by less than any rounding.

        Derivatives of log densities do not exist at 0 or 1; a probability that EM has put
        exactly there is looked at from just inside.
        """
        xp = value.__array_namespace__()
        if self.kind in ("simplex", "positive"):
            return xp.maximum(value, 1e-30)
        if self.kind == "unit":
            return xp.clip(value, 1e-30, 1 - jnp.finfo(value.dtype).epsneg)
        return value

    def floored(self, value: Any) -> Any:
        """The value with exact zeros made the smallest number whose logarithm is harmless.

        Log factors that are added with signs must be finite; 1e-300 is as good as zero in them.
        """
        tiny = 1e-300 if value.dtype == np.float64 else 1e-37
        if self.kind in ("simplex", "positive"):
            return value + tiny * (value <= 0)
        if self.kind == "unit":
            return (value + tiny * (value <= 0)) * (1 - np.finfo(value.dtype).epsneg * (value >= 1))
        return value

    def to_real(self, value: Any) -> Any:
        """Real coordinates: logs and logits, of the shape of the value where there is a chart."""
        return charts.to_real(self.kind, value) if self.kind != "other" else self.unconstrain(value)

    def from_real(self, u: Any) -> Any:
        """The value with these real coordinates."""
        return charts.from_real(self.kind, u) if self.kind != "other" else self.constrain(u)

    def real_gradient(self, value: Any, gradient: Any) -> Any:
        """A gradient at a value, carried to real coordinates."""
        if self.kind != "other":
            return charts.real_gradient(self.kind, value, gradient)
        _, carry = jax.vjp(self.constrain, self.to_real(value))
        return carry(jnp.asarray(gradient))[0]

    def center(self) -> np.ndarray:
        """An ordinary value: the image of 0 in unconstrained coordinates."""
        return center(self.support, self.shape) if self.fixed is None else self.fixed


def read_parameter(path: tuple[str, ...], entry: Any, distribution: Any) -> Parameter:
    """What the distribution of an entry of the prior says of its parameter.

    Raises:
        DeclarationError: If it is no continuous NumPyro distribution.
    """
    name = ".".join(path)
    if not isinstance(distribution, dist.Distribution):
        raise DeclarationError(
            f"prior[{name!r}] is {distribution!r}; expected a NumPyro distribution. "
            f"Use jaxem.flat(shape, support) for maximum likelihood, or "
            f"numpyro.distributions.Delta(value) to fix the parameter."
        )
    support = distribution.support
    if support is None or support.is_discrete:
        raise DeclarationError(
            f"prior[{name!r}] is {type(distribution).__name__}, a discrete distribution; "
            f"parameters are continuous. A hidden discrete quantity belongs in `latent`."
        )
    support = without_reinterpretation(support)
    check_chart(name, support)
    base = base_of(distribution)
    shape = tuple(distribution.shape())
    fixed = _known(name, distribution.mean) if isinstance(base, dist.Delta) else None
    if support_kind(support) == "simplex" and shape[-1] == 1:
        fixed = np.ones(shape)  # a simplex of a single category has a single point
    return Parameter(
        name=name,
        path=path,
        prior=entry,
        support=support,
        kind=support_kind(support),
        shape=shape,
        fixed=fixed,
        described=_describe(entry, base),
    )


def is_function(entry: Any) -> bool:
    """Whether an entry of the prior is a function of the other parameters."""
    given = (dist.Distribution, constraints.Constraint, type)
    return callable(entry) and not isinstance(entry, given)


def _known(name: str, value: Any) -> np.ndarray:
    """The value of a parameter that its prior fixes."""
    if isinstance(value, Tracer):
        raise DeclarationError(
            f"prior[{name!r}] fixes a value that JAX traces: the model is declared inside a "
            f"function that JAX transforms (jax.jit, jax.vmap, jax.grad, ...). Declare and fit it "
            f"outside; what a fit depends on is differentiated by jaxem.sensitivity."
        )
    return np.asarray(value, float)


def base_of(distribution: dist.Distribution) -> dist.Distribution:
    """A distribution without what expands, reinterprets or masks it."""
    wrappers = (dist.Independent, dist.ExpandedDistribution, dist.MaskedDistribution)
    while isinstance(distribution, wrappers):
        distribution = distribution.base_dist
    return distribution


def _describe(entry: Any, base: dist.Distribution) -> str:
    if isinstance(base, dist.ImproperUniform):
        return "flat"
    if isinstance(base, dist.Delta):
        return "fixed"
    return f"{type(base).__name__} given others" if is_function(entry) else type(base).__name__


def dotted(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values of a nested dictionary: `nest` backwards."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value
