"""Dependence of the outputs of a jaxpr on its inputs; and its evaluation."""

from collections.abc import Sequence
from typing import Any

from jax.extend import core


def dependence(program: core.Jaxpr, names: Sequence[str]) -> list[frozenset[str]]:
    """Names of the inputs that each output depends on; outputs of a nested call on all its inputs.

    Args:
        program: A traced program.
        names: One for each of its inputs.
    """
    known = {v: frozenset({name}) for v, name in zip(program.invars, names, strict=True)}

    def of(v: Any) -> frozenset[str]:
        return frozenset() if isinstance(v, core.Literal) else known.get(v, frozenset())

    for eqn in program.eqns:
        union = frozenset().union(*map(of, eqn.invars))
        known.update((v, union) for v in eqn.outvars)
    return [of(v) for v in program.outvars]


def evaluate(program: core.Jaxpr, constants: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    """Outputs of a traced program for these constants and inputs."""
    return core.jaxpr_as_fun(core.ClosedJaxpr(program, constants))(*args)
