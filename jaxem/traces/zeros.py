r"""Traced functions whose derivatives are zero where nothing is asked of them.

A person writes ``jnp.log(table[z, x])`` with cells that are exactly zero, a density under
``jnp.where(seen, density, 0.0)`` at a filler outside its support, or a probability that a library
clips at the smallest number. The values are right, and such a cell has no responsibility, or the
branch is not taken; but the chain rule multiplies that zero by a derivative that is infinite or no
number, and every gradient becomes NaN. `repair` re-reads a traced function and makes the products
of its derivatives zero products (`products`, `careful`, `own_rules`), wherever they may meet such a
factor: functions that are singular somewhere, and curved ones of what they return.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend import core

from jaxem.traces import own_rules  # noqa: F401  (adds to the rules)
from jaxem.traces.careful import CURVED, RULES, opens_calls
from jaxem.traces.products import zero_product
from jaxem.traces.rewrite import called, outputs_of, programs_of, rewrite

#: Curved primitives that are smooth and of moderate size wherever their operands are.
_SMOOTH = frozenset("abs atan cos erf erfc integer_pow logistic mul sin square tanh".split())

#: Curved primitives whose values are of moderate size whatever their operands.
_BOUNDED = frozenset("atan cos erf erfc logistic sin tanh".split())

#: A constant from here on may make products overflow.
_LARGE = 1e30

#: What has a rule although it is not elementwise.
_WITH_RULES = frozenset(RULES) - CURVED


def repair(closed: core.ClosedJaxpr, values: bool = False) -> core.ClosedJaxpr:
    """The same program, with derivatives that are zero where nothing is asked of them.

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
        jaxpr: A program.
        constants: Whether each constant may be infinite, very large or no number.
        inputs: The same of each input; None for parameters and data, which are not.
        marked: Where the identities of equations are put.

    Returns:
        The same of each output.
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
    """Mark one equation, and those of the programs in it; whether its outputs may be wild."""
    name, inner = eqn.primitive.name, programs_of(eqn)
    call = called(eqn)
    if call is not None:
        constants = [not _is_tame(c) for c in call.consts]
        return _mark(call.jaxpr, constants, list(operands), marked)
    if inner:  # loops and branches, whose operands come back: all of them may be wild
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
    """Whether a constant is made of moderate numbers."""
    kind = getattr(value, "dtype", None)
    if kind is not None and not isinstance(kind, np.dtype):  # a random key
        return True
    given = np.asarray(value)
    if not np.issubdtype(given.dtype, np.floating):
        return True
    return bool(np.all(np.abs(given) < _LARGE))
