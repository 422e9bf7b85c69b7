"""Rewriting of jaxprs: an interpreter that replaces some primitives by functions.

The jaxpr is interpreted, one equation at a time, and traced again: calls with a replaced primitive
are inlined, bodies of loops and branches are rewritten in their turn, and all other equations are
bound unchanged. Dead code is removed.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

#: From the equation and its inputs to its outputs.
Rule = Callable[..., list[Any]]

Opens = Callable[[str, Any], bool]

_CALLS = frozenset({"jit", "pjit", "closed_call", "core_call"})
#: Prefixes of the names of primitives for functions with rules of their own.
OWN_RULES = ("custom_jvp", "custom_vjp", "custom_vmap")
_REMATERIALISED = frozenset({"remat", "remat2", "checkpoint"})


def rewrite(closed: core.ClosedJaxpr, rules: Mapping[str, Rule], opens: Opens) -> core.ClosedJaxpr:
    """The program with its primitives replaced, at any depth.

    Args:
        closed: A traced function.
        rules: By the name of a primitive, the function that replaces it.
        opens: From the name of a primitive and its jaxpr, whether it is inlined: a function with
            its own rule for derivatives or batches that has a replaced primitive (the rule is
            lost), or a call that has none.

    Returns:
        A traced function with the same inputs and outputs.
    """
    return reread(closed, Rewriter(rules, opens))


def reread(closed: core.ClosedJaxpr, interpreter: "Rewriter") -> core.ClosedJaxpr:
    """The jaxpr traced again through an interpreter, with dead code removed."""
    avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in closed.jaxpr.invars]
    made = jax.make_jaxpr(lambda *args: interpreter.run(closed, args))(*avals)
    return core.ClosedJaxpr(made.jaxpr.replace(eqns=_live(made.jaxpr)), made.consts)


class Rewriter:
    """An interpreter of traced programs that replaces primitives; see `rewrite`."""

    def __init__(self, rules: Mapping[str, Rule], opens: Opens):
        self.rules = rules
        self.opens = opens

    def run(self, closed: core.ClosedJaxpr, args) -> list[Any]:
        """Outputs of a program for these inputs."""
        jaxpr = closed.jaxpr
        given = zip(jaxpr.constvars, closed.consts, strict=True)
        values: dict[Any, Any] = {v: _constant(c) for v, c in given}
        values.update(zip(jaxpr.invars, args, strict=True))

        def read(v):
            return _constant(v.val) if isinstance(v, core.Literal) else values[v]

        constants = set(jaxpr.constvars)
        for eqn in _live(jaxpr):
            inputs = _in_one_precision(eqn, [read(v) for v in eqn.invars], constants)
            outputs = self.evaluate(eqn, inputs)
            values.update(zip(eqn.outvars, outputs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def evaluate(self, eqn, args) -> list[Any]:
        """Outputs of one equation for these operands."""
        if eqn.primitive.name in self.rules:
            return self.rules[eqn.primitive.name](eqn, *args)
        return self.inside(eqn, args)

    def inside(self, eqn, args) -> list[Any]:
        """Outputs of an equation that is kept, the programs among its parameters rewritten."""
        name, params = eqn.primitive.name, eqn.params
        mentioned = self._mentioned(eqn)
        if name in _CALLS and (mentioned or self.opens(name, program_of(params).jaxpr)):
            return self.run(program_of(params), args)
        if mentioned:
            if name in _REMATERIALISED:
                return self._rematerialised(params, args)
            if name.startswith(OWN_RULES):
                if self.opens(name, program_of(params).jaxpr):
                    return self.run(program_of(params), args)
            else:
                params = {key: self._nested(value) for key, value in params.items()}
        out = bind(eqn.primitive, args, params)
        return list(out) if eqn.primitive.multiple_results else [out]

    def _mentioned(self, eqn) -> bool:
        return any(mentions(inner, self.rules) for inner in programs_of(eqn))

    def _rematerialised(self, params, args) -> list[Any]:
        body = program_of(params)
        again = jax.checkpoint(
            lambda *inputs: self.run(body, inputs),
            prevent_cse=params["prevent_cse"],
            policy=params["policy"],
        )
        return again(*args)

    def _nested(self, value):
        """Rewrite the bodies of loops and branches, which are parameters of their equations."""
        if isinstance(value, core.ClosedJaxpr):
            return rewrite(value, self.rules, self.opens)
        if isinstance(value, tuple) and any(isinstance(v, core.ClosedJaxpr) for v in value):
            inner = [self._nested(v) for v in value]
            return type(value)(*inner) if hasattr(value, "_fields") else tuple(inner)
        return value


def bind(primitive, args, params):
    """Apply the primitive of an equation with its parameters."""
    bound = primitive.get_bind_params(params)
    if isinstance(bound, tuple):  # jax < 0.10 gives the sub-functions apart
        return primitive.bind(*bound[0], *args, **bound[1])
    return primitive.bind(*args, **bound)


def outputs_of(eqn, args) -> list[Any]:
    """Outputs of an equation, as it stands, for these operands."""
    out = bind(eqn.primitive, args, eqn.params)
    return list(out) if eqn.primitive.multiple_results else [out]


def _in_one_precision(eqn, inputs: list[Any], constants: Collection[Any]) -> list[Any]:
    """Operands of an equation, its constants converted to the widest float type of the others.

    JAX keeps a constant in the precision of its first trace, perhaps single among doubles. Operands
    of calls and loops have the precision that the inner jaxpr prescribes.
    """
    known = [not isinstance(v, core.Literal) and v in constants for v in eqn.invars]
    if not any(known) or programs_of(eqn):
        return inputs
    floats = [jnp.issubdtype(v.aval.dtype, np.floating) for v in eqn.invars]
    each = zip(eqn.invars, floats, known, strict=True)
    others = [v.aval.dtype for v, is_float, given in each if is_float and not given]
    if not others or eqn.primitive.name == "convert_element_type":
        return inputs
    widest = max(others, key=lambda dtype: dtype.itemsize)
    each = zip(inputs, floats, known, strict=True)
    return [
        jax.lax.convert_element_type(x, widest) if is_float and given else x
        for x, is_float, given in each
    ]


def _constant(value: Any) -> Any:
    """A constant of a jaxpr, in the precision of JAX's 64-bit flag.

    JAX keeps a NumPy array in the precision of its first trace, perhaps under another flag.
    """
    given = getattr(value, "dtype", None)
    if not isinstance(given, np.dtype):  # a number of Python's, a random key
        return value
    meant = jax.dtypes.canonicalize_dtype(given)
    return value if given == meant else np.asarray(value).astype(meant)


def name_of(eqn) -> str:
    """The name of the primitive of an equation; of a careful primitive, of the wrapped one."""
    function = eqn.params.get("function") if eqn.primitive.name == "careful" else None
    return eqn.primitive.name if function is None else function.name


def mentions(jaxpr, names: Collection[str]) -> bool:
    """Whether a primitive of one of these names occurs, at any depth."""
    return any(
        name_of(eqn) in names or any(mentions(inner, names) for inner in programs_of(eqn))
        for eqn in jaxpr.eqns
    )


def passes(jaxpr, inputs: Sequence[bool], names: Collection[str]) -> bool:
    """Whether a primitive of one of these names has an operand that depends on some of the inputs.

    Args:
        jaxpr: The program.
        inputs: For each input, whether it counts.
        names: The primitives, at any depth.
    """
    reached = {v for v, counts in zip(jaxpr.invars, inputs, strict=True) if counts}
    for eqn in jaxpr.eqns:
        if any(not isinstance(v, core.Literal) and v in reached for v in eqn.invars):
            if name_of(eqn) in names or any(mentions(i, names) for i in programs_of(eqn)):
                return True
            reached.update(eqn.outvars)
    return False


def _live(jaxpr) -> list[Any]:
    """The equations that an output, or an effect, depends on."""
    needed = {v for v in jaxpr.outvars if not isinstance(v, core.Literal)}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or any(v in needed for v in eqn.outvars):
            kept.append(eqn)
            needed.update(v for v in eqn.invars if not isinstance(v, core.Literal))
    return kept[::-1]


def programs_of(eqn) -> list[Any]:
    """The programs among the parameters of an equation."""
    found = []
    for value in eqn.params.values():
        for inner in value if isinstance(value, tuple) else (value,):
            inner = inner.jaxpr if isinstance(inner, core.ClosedJaxpr) else inner
            if isinstance(inner, core.Jaxpr):
                found.append(inner)
    return found


def called(eqn) -> core.ClosedJaxpr | None:
    """The jaxpr that a call equation calls; None if the equation is no call."""
    return program_of(eqn.params) if eqn.primitive.name in _CALLS else None


def program_of(params) -> core.ClosedJaxpr:
    """The program of a call, or of a function with its own rule, from its parameters."""
    jaxpr = next(params[key] for key in ("jaxpr", "call_jaxpr", "call") if key in params)
    return jaxpr if isinstance(jaxpr, core.ClosedJaxpr) else core.ClosedJaxpr(jaxpr, ())
