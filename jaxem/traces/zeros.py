r"""Rewriting of a jaxpr so that zero times infinity or NaN is zero in its derivatives.

Log joints hold ``jnp.log(table[z, x])`` with entries of exactly zero, densities under
``jnp.where(seen, density, 0.0)`` at a value outside their support, or probabilities clipped at the
smallest number. The values are right, and such an entry has responsibility zero, or is not
selected; but the chain rule multiplies that zero by an infinite derivative or NaN, and every
gradient becomes NaN. `repair` makes the products of the derivatives zero products (`products`,
`careful`, `own_rules`) wherever a factor may be infinite: in functions that are singular somewhere,
and in curved functions of their values.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend import core

from jaxem.traces import own_rules  # noqa: F401  (adds to the rules)
from jaxem.traces.careful import CURVED, RULES, opens_calls
from jaxem.traces.products import zero_product
from jaxem.traces.rewrite import called, outputs_of, programs_of, rewrite

#: Curved primitives that are smooth, and moderate at moderate operands.
_SMOOTH = frozenset("abs atan cos erf erfc integer_pow logistic mul sin square tanh".split())

#: Curved primitives of bounded values.
_BOUNDED = frozenset("atan cos erf erfc logistic sin tanh".split())

#: Constants of at least this size may make products overflow.
_LARGE = 1e30

#: Primitives with a rule that are not elementwise.
_WITH_RULES = frozenset(RULES) - CURVED


def repair(closed: core.ClosedJaxpr, values: bool = False) -> core.ClosedJaxpr:
    """The jaxpr with zero products in its derivatives.

    Args:
        closed: A traced function.
        values: Whether zero times infinity is zero in its values too, as in ``0 * log(0)``.

    Returns:
        A traced function with the same inputs and outputs and no dead code; equal in value
        everywhere, unless ``values``.
    """
    marked: set[int] = set()
    _mark(closed.jaxpr, [not _is_tame(c) for c in closed.consts], None, marked)

    def rule(eqn, *args) -> list[Any]:
        if id(eqn) not in marked:
            return outputs_of(eqn, args)
        if values and eqn.primitive.name == "mul":
            return [zero_product(*args)]
        return RULES[eqn.primitive.name](eqn, *args)

    return rewrite(closed, dict.fromkeys(RULES, rule), opens_calls)


def _mark(
    jaxpr: core.Jaxpr, constants: Sequence[bool], inputs: Sequence[bool] | None, marked: set[int]
) -> list[bool]:
    """Mark the equations that need a rule, by identity.

    Args:
        jaxpr: The jaxpr.
        constants: Whether each constant may be infinite, very large or NaN (`wild`).
        inputs: Whether each input may be wild; None for parameters and data, which are not.
        marked: The set to which identities of equations are added.

    Returns:
        Whether each output may be wild.
    """
    inputs = [False] * len(jaxpr.invars) if inputs is None else inputs
    wild = {v for v, w in zip(jaxpr.constvars, constants, strict=True) if w}
    wild |= {v for v, w in zip(jaxpr.invars, inputs, strict=True) if w}

    def is_wild(v) -> bool:
        return not _is_tame(v.val) if isinstance(v, core.Literal) else v in wild

    for eqn in jaxpr.eqns:
        operands = [is_wild(v) for v in eqn.invars]
        if any(_mark_equation(eqn, operands, marked)):
            wild.update(eqn.outvars)
    return [is_wild(v) for v in jaxpr.outvars]


def _mark_equation(eqn, operands: Sequence[bool], marked: set[int]) -> list[bool]:
    """Mark one equation and those of its inner jaxprs; return whether its outputs may be wild."""
    name, inner = eqn.primitive.name, programs_of(eqn)
    call = called(eqn)
    if call is not None:
        constants = [not _is_tame(c) for c in call.consts]
        return _mark(call.jaxpr, constants, list(operands), marked)
    if inner:  # loops and branches: carried values may be wild after a step
        for program in inner:
            _mark(program, [True] * len(program.constvars), [True] * len(program.invars), marked)
        marked.add(id(eqn))
        return [True]
    if name in _WITH_RULES and any(operands):
        marked.add(id(eqn))
    elif name in CURVED and (any(operands) or name not in _SMOOTH):
        marked.add(id(eqn))
        return [name not in _BOUNDED]
    return [any(operands)]


def _is_tame(value: Any) -> bool:
    """Whether a constant holds moderate numbers only."""
    kind = getattr(value, "dtype", None)
    if kind is not None and not isinstance(kind, np.dtype):  # a random key
        return True
    given = np.asarray(value)
    if not np.issubdtype(given.dtype, np.floating):
        return True
    return bool(np.all(np.abs(given) < _LARGE))
