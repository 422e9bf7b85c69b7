"""Which results of a function depend on which of its arguments, read off its trace."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax.extend import core


def dependence(
    function: Callable[[dict[str, Any]], Mapping[Any, Any]], values: dict[str, Any]
) -> dict[Any, frozenset[str]]:
    """For every result of a function of named values, the names that it depends on.

    Args:
        function: Takes a dictionary of arrays and returns one; it is traced, not run.
        values: Arrays of the right shapes.

    Returns:
        Names by the key of the result. A result of a nested call counts as depending on all
        that the call is given.
    """
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(values)
    jaxpr = closed.jaxpr
    names = {v: frozenset({k}) for v, k in zip(jaxpr.invars, sorted(values), strict=True)}

    def of(v: Any) -> frozenset[str]:
        return frozenset() if isinstance(v, core.Literal) else names.get(v, frozenset())

    for eqn in jaxpr.eqns:
        union = frozenset().union(*map(of, eqn.invars))
        names.update((v, union) for v in eqn.outvars)
    keys = jax.tree.structure(shapes).unflatten(jaxpr.outvars)
    return {key: of(v) for key, v in keys.items()}
