"""Reading of a prior: its parameters with values of their own, and those tied to them."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist

from jaxem.model.conditional import call_conditional, check_conditional, has_density
from jaxem.model.prior import Parameter, base_of, is_function, read_parameter
from jaxem.model.tied import Tied, nest
from jaxem.types import DeclarationError


def read_prior(prior: Any) -> tuple[tuple[Parameter, ...], tuple[Tied, ...]]:
    """Read a (possibly nested) dictionary of priors.

    Priors that are functions of other parameters are resolved in the order of their dependence.

    Returns:
        The parameters that have values of their own, in the order of the dictionary; and those
        that are tied to others, each after those that it is a function of.

    Raises:
        DeclarationError: If an entry is not a continuous NumPyro distribution, or a function
            whose own parameters never become known, or whose distribution has another support
            where they have other values.
    """
    if not isinstance(prior, Mapping) or not prior:
        raise DeclarationError(
            f"prior must be a dictionary with one NumPyro distribution a parameter, such as "
            f'{{"loc": jaxem.flat((3,))}}; got {type(prior).__name__}'
            + (" with no entries." if isinstance(prior, Mapping) else ".")
        )
    entries = dict(_walk(prior, ()))
    known: dict[tuple[str, ...], Parameter] = {}
    tied: tuple[Tied, ...] = ()
    waiting = dict(entries)
    while waiting:
        before = len(waiting)
        reasons = {}
        for path, entry in list(waiting.items()):
            others = tuple(known.values()), tied
            try:
                distribution = _distribution(path, entry, *others)
            except KeyError as missing:
                reasons[path] = missing
                continue
            if is_function(entry) and isinstance(base_of(distribution), dist.Delta):
                name, shape = ".".join(path), tuple(distribution.shape())
                tied += (Tied(name, path, entry, shape, has_density(name, entry, *others)),)
            else:
                known[path] = read_parameter(path, entry, distribution)
            if is_function(entry):
                check_conditional(".".join(path), entry, distribution, *others)
            del waiting[path]
        if len(waiting) == before:
            path, missing = next(iter(reasons.items()))
            raise DeclarationError(
                f"the prior of {'.'.join(path)!r} is a function that asks for parameter {missing}, "
                f"which has no prior or depends on it in turn; the parameters are "
                f"{', '.join(repr('.'.join(p)) for p in entries)}."
            )
    return tuple(known[path] for path in entries if path in known), tied


def _walk(prior: Mapping[str, Any], path: tuple[str, ...]):
    for key, entry in prior.items():
        if not isinstance(key, str):
            raise DeclarationError(f"parameter names are strings; got {key!r} in the prior.")
        if isinstance(entry, Mapping):
            yield from _walk(entry, (*path, key))
        else:
            yield (*path, key), entry


def _distribution(
    path: tuple[str, ...], entry: Any, known: tuple[Parameter, ...], tied: tuple[Tied, ...]
) -> Any:
    """The distribution of an entry, with the other parameters at their supports' centres."""
    if not is_function(entry):
        return entry
    values = {p.name: jnp.asarray(p.center()) for p in known}
    return call_conditional(".".join(path), entry, nest(values, known, tied))
