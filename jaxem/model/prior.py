"""Priors: a parameter's support, shape and density, from one NumPyro distribution."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpyro.distributions as dist
from jax.core import Tracer
from numpyro.distributions import biject_to, constraints

from jaxem.supports import (
    Support,
    UnitSimplex,
    check_transformation,
    support_of,
    without_reinterpretation,
)
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
    """One parameter as its prior declares it.

    Attributes:
        name: Dotted path in the prior, for instance "emission.loc".
        path: The same as a tuple of keys.
        prior: Its distribution, or a function of the parameters that gives it.
        constraint: NumPyro's constraint, with reinterpreted batch axes taken off.
        support: The set that this describes, with its real coordinates.
        shape: Shape of the parameter.
        fixed: Its value if a Delta prior fixes it, else None.
        described: The prior in words.
    """

    name: str
    path: tuple[str, ...]
    prior: Prior
    constraint: Any
    support: Support
    shape: tuple[int, ...]
    fixed: np.ndarray | None
    described: str

    @property
    def event_dim(self) -> int:
        """Axes of one value of the support: 0 for a scalar, 1 for a simplex, 2 for a matrix."""
        return self.constraint.event_dim

    def constrain(self, u: Array) -> Array:
        """The value in the support with these unconstrained coordinates."""
        return biject_to(self.constraint)(u)

    def unconstrain(self, value: Array) -> Array:
        """The unconstrained coordinates of a value, moved off the boundary by `interior`."""
        return biject_to(self.constraint).inv(self.interior(value))

    @property
    def unconstrained_shape(self) -> tuple[int, ...]:
        """Shape of the unconstrained coordinates."""
        return tuple(biject_to(self.constraint).inverse_shape(self.shape))

    @property
    def is_conditional(self) -> bool:
        """Whether the prior is a function of other parameters."""
        return not isinstance(self.prior, dist.Distribution)

    def distribution(self, params: Params) -> dist.Distribution:
        """The prior, given all parameters nested as declared."""
        return self.prior if isinstance(self.prior, dist.Distribution) else self.prior(params)

    def interior(self, value: Any) -> Any:
        """The value, moved off the boundary of its support by less than rounding."""
        return self.support.interior(value)

    def floored(self, value: Any) -> Any:
        """The value with exact zeros replaced by a tiny number, whose logarithm is finite."""
        return self.support.floored(value)

    def to_real(self, value: Any) -> Any:
        """Real coordinates (logs, logits) of a value; of its shape if the support has a chart."""
        return self.support.to_real(value)

    def from_real(self, u: Any) -> Any:
        """The value with these real coordinates."""
        return self.support.from_real(u)

    def center(self) -> np.ndarray:
        """An ordinary value: the image of 0 in unconstrained coordinates."""
        return self.support.center(self.shape) if self.fixed is None else self.fixed


def read_parameter(path: tuple[str, ...], entry: Any, distribution: Any) -> Parameter:
    """The parameter that an entry of the prior declares, from its distribution.

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
    constraint = distribution.support
    if constraint is None or constraint.is_discrete:
        raise DeclarationError(
            f"prior[{name!r}] is {type(distribution).__name__}, a discrete distribution; "
            f"parameters are continuous. A hidden discrete quantity belongs in `latent`."
        )
    constraint = without_reinterpretation(constraint)
    check_transformation(name, constraint)
    support = support_of(constraint)
    base = base_of(distribution)
    shape = tuple(distribution.shape())
    fixed = _fixed_value(name, distribution.mean) if isinstance(base, dist.Delta) else None
    if isinstance(support, UnitSimplex) and shape[-1] == 1:
        fixed = np.ones(shape)  # a simplex of a single category has a single point
    return Parameter(
        name=name,
        path=path,
        prior=entry,
        constraint=constraint,
        support=support,
        shape=shape,
        fixed=fixed,
        described=_describe(entry, base),
    )


def is_function(entry: Any) -> bool:
    """Whether an entry of the prior is a function of the other parameters."""
    given = (dist.Distribution, constraints.Constraint, type)
    return callable(entry) and not isinstance(entry, given)


def _fixed_value(name: str, value: Any) -> np.ndarray:
    """The value of a parameter that its prior fixes."""
    if isinstance(value, Tracer):
        raise DeclarationError(
            f"prior[{name!r}] fixes a value that JAX traces: the model is declared inside a "
            f"function that JAX transforms (jax.jit, jax.vmap, jax.grad, ...). Declare and fit it "
            f"outside; what a fit depends on is differentiated by jaxem.sensitivity."
        )
    return np.asarray(value, float)


def base_of(distribution: dist.Distribution) -> dist.Distribution:
    """A distribution without its wrappers: Independent, ExpandedDistribution, masks."""
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
    """Dotted names and values of a nested dictionary; the inverse of `nest`."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value
