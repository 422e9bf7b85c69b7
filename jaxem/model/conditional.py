"""Conditional priors, functions of other parameters: family, shape and support must be fixed."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from jaxem.model.prior import Parameter, base_of
from jaxem.model.tied import Tied, nest
from jaxem.supports import without_reinterpretation
from jaxem.types import DeclarationError, Params


def call_conditional(name: str, entry: Callable[[Params], Any], params: Params) -> Any:
    """The distribution that a conditional prior returns for these parameters.

    Raises:
        KeyError: If the function reads a parameter that is absent.
        DeclarationError: If the function fails.
    """
    try:
        return entry(params)
    except (KeyError, DeclarationError):
        raise
    except Exception as error:  # a user's code may raise anything
        first = (str(error).strip().splitlines() or ["no message"])[0]
        raise DeclarationError(
            f"the prior of {name!r} is a function that fails at ordinary parameters with "
            f"{type(error).__name__}: {first}"
        ) from error


def check_conditional(
    name: str,
    entry: Callable[[Params], Any],
    central: Any,
    known: tuple[Parameter, ...],
    tied: tuple[Tied, ...],
) -> None:
    """Check that support, shape and family are the same for other values of the parameters.

    Args:
        name: The parameter whose prior is a function.
        entry: The function.
        central: The distribution that it returns at the centres of the parameters' supports.
        known: Parameters that it may be a function of.
        tied: Parameters that are tied to these.

    Raises:
        DeclarationError: If family, shape or support depends on a parameter.
    """
    centres, others = {p.name: jnp.asarray(p.center()) for p in known}, _random_values(known)

    def at(values: dict[str, Any]) -> Any:
        return call_conditional(name, entry, nest(values, known, tied))

    if _same(central, at(others)):
        return
    moving = [p.name for p in known if not _same(central, at({**centres, p.name: others[p.name]}))]
    what = ", ".join(map(repr, moving)) or "other parameters"
    if _family(central) != _family(at(others)):
        raise DeclarationError(
            f"the prior of {name!r} is a {type(base_of(central)).__name__} of shape "
            f"{central.shape()} for some values of {what}, and another distribution for others. "
            f"One prior has one family and one shape; write jnp.where for what changes inside of "
            f"it."
        )
    raise DeclarationError(
        f"the support of {name!r} depends on {what}. Give it a fixed support: let a fraction in "
        f"(0, 1), or a positive difference, be the parameter, and tie {name!r} to it, for instance "
        f'"gap": jaxem.flat((), constraints.positive), {name!r}: lambda p: '
        f'dist.Delta(p[{(moving or ["other"])[0]!r}] - p["gap"]).'
    )


def has_density(
    name: str, entry: Callable[[Params], Any], known: tuple[Parameter, ...], tied: tuple[Tied, ...]
) -> bool:
    """Whether a Delta that is a function of parameters has a log density that is not zero."""
    delta = base_of(call_conditional(name, entry, nest(_random_values(known), known, tied)))
    return bool(np.any(np.asarray(getattr(delta, "log_density", 0.0)) != 0))


def _random_values(known: tuple[Parameter, ...]) -> dict[str, Any]:
    """Random values of parameters, about the centres of their supports."""
    rng, found = np.random.default_rng(0), {}
    for p in known:
        value = jnp.asarray(p.center())
        if p.fixed is None:
            u = p.to_real(value)
            value = jnp.asarray(p.from_real(u + rng.normal(size=np.shape(u))))
        found[p.name] = value
    return found


def _same(one: dist.Distribution, other: dist.Distribution) -> bool:
    """Whether two distributions have the same family, shape and support."""
    if _family(one) != _family(other):
        return False
    first, second = (jax.tree.leaves(without_reinterpretation(d.support)) for d in (one, other))
    return len(first) == len(second) and all(map(np.array_equal, first, second))


def _family(distribution: Any) -> Any:
    support = without_reinterpretation(distribution.support)
    return type(base_of(distribution)), tuple(distribution.shape()), type(support)
