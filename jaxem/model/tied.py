"""Tied parameters, functions of other parameters; and the nested dictionary of all parameters."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.core import Tracer

from jaxem.model.prior import Parameter, base_of, dotted
from jaxem.types import Array, DeclarationError, Params


@dataclasses.dataclass(frozen=True, eq=False)
class Tied:
    """A parameter that is a function of others: its prior is a Delta at this function's value.

    Attributes:
        name: Dotted path in the prior.
        path: The same as a tuple of keys.
        prior: The function of the parameters that gives the Delta.
        shape: Shape of the parameter.
        weighed: Whether the Delta has a log density of its own that is not zero.
    """

    name: str
    path: tuple[str, ...]
    prior: Callable[[Params], dist.Distribution]
    shape: tuple[int, ...]
    weighed: bool

    def value(self, params: Params) -> Array:
        """The value of the tied parameter, from the others nested as declared."""
        return jnp.asarray(self.prior(params).mean, jnp.result_type(float))

    def log_density(self, params: Params) -> Array:
        """The log density declared for the Delta, a scalar."""
        return jnp.sum(jnp.asarray(base_of(self.prior(params)).log_density))  # pyright: ignore


def nest(
    values: Mapping[str, Any],
    parameters: "tuple[Parameter | Tied, ...]",
    tied: tuple[Tied, ...] = (),
) -> Params:
    """The nested dictionary as declared, from values by dotted name.

    Args:
        values: The parameters that have values of their own; leading axes (of restarts, of
            draws) are allowed if all have them.
        parameters: The parameters with values of their own.
        tied: The parameters that are functions of others; their values are computed.
    """
    out: Params = {}
    for parameter in parameters:
        _put(out, parameter.path, values[parameter.name])
    if tied:
        computed = tied_values(values, parameters, tied)
        for parameter in tied:
            _put(out, parameter.path, computed[parameter.name])
    return out


def tied_values(
    values: Mapping[str, Any], parameters: "tuple[Parameter | Tied, ...]", tied: tuple[Tied, ...]
) -> dict[str, Any]:
    """Values of tied parameters by dotted name; NumPy arrays if the other values are."""

    def of_one(given: Mapping[str, Any]) -> dict[str, Any]:
        params, found = nest(given, parameters), {}
        for parameter in tied:
            found[parameter.name] = parameter.value(params)
            _put(params, parameter.path, found[parameter.name])
        return found

    given = {p.name: values[p.name] for p in parameters}
    leading = {jnp.ndim(given[p.name]) - len(p.shape) for p in parameters}
    for _ in range(max(leading, default=0)):
        of_one = jax.vmap(of_one)
    found = of_one(jax.tree.map(jnp.asarray, given))
    on_host = all(isinstance(leaf, np.ndarray | float) for leaf in given.values())
    return jax.tree.map(np.asarray, found) if on_host else found


def nest_known(
    values: Mapping[str, Any], parameters: tuple[Parameter, ...], tied: tuple[Tied, ...]
) -> Params:
    """`nest` of some of the parameters, with the tied ones that are functions of these alone."""
    params = nest(values, parameters)
    for parameter in tied:
        try:
            value = parameter.value(params)
        except KeyError:
            continue
        _put(params, parameter.path, value)
    return params


def check_ties(
    values: Mapping[str, Any],
    params: Mapping[str, Any],
    parameters: tuple[Parameter, ...],
    tied: tuple[Tied, ...],
    what: str,
) -> None:
    """Check that given values of tied parameters agree with the values computed from the others.

    Args:
        values: The other parameters, by dotted name.
        params: Parameters nested as declared; tied ones may be left out.
        parameters: The parameters with values of their own.
        tied: The tied parameters.
        what: Name of the parameters in error messages.

    Raises:
        DeclarationError: If one differs. Values that JAX traces are not checked.
    """
    given = dict(dotted(params)) if tied else {}
    given = {t.name: given[t.name] for t in tied if t.name in given}
    leaves = [*given.values(), *values.values()]
    if not given or any(isinstance(leaf, Tracer) for leaf in leaves):
        return
    tolerance = 1e-4 if jnp.result_type(float) == jnp.float32 else 1e-8
    found = tied_values(values, parameters, tied)
    for name, value in given.items():
        shape = np.shape(found[name])
        same = np.shape(value) in (shape, shape[1:])  # one value may stand for all restarts
        if not (same and np.allclose(value, found[name], tolerance, tolerance, equal_nan=True)):
            raise DeclarationError(
                f"{what} gives {name!r}, which its prior ties to other parameters; these make it "
                f"{np.asarray(found[name]).tolist()}. Leave it out, or give the parameter a prior "
                f"that is not dist.Delta."
            )


def _put(nested: Params, path: tuple[str, ...], value: Any) -> None:
    inner: Any = nested
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    inner[path[-1]] = value
