"""Digest of a jaxpr: its equations, shapes and constants; equal for functions declared twice.

A function that is declared again, in another cell of a notebook or by another call of the function
that declares it, is another object with the same jaxpr. The digest is the key by which the plans
and compiled programs of one serve the other. For functions with derivative rules of their own the
digest includes the jaxprs of their derivatives.
"""

import dataclasses
import enum
import hashlib
import types
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from jaxem.traces.rewrite import bind

#: Orders of derivatives in the digest of functions with derivative rules of their own.
_ORDERS = 2

#: Packages whose dataclasses are digested by their fields: their version fixes their methods.
_KNOWN = ("jaxem", "jax", "numpyro", "equinox", "optax")


class IncomparableError(Exception):
    """A jaxpr holds an object without a comparison by value, such as a function."""


def meaning(closed: core.ClosedJaxpr) -> bytes | None:
    """A digest of a jaxpr; None if it holds an object that cannot be compared."""
    digest = hashlib.blake2b(digest_size=20)
    try:
        _closed(digest, closed, _ORDERS)
    except IncomparableError:
        return None
    return digest.digest()


def digest_of(*values: Any) -> bytes:
    """A digest of Python scalars, arrays, and containers of them.

    Raises:
        IncomparableError: If one of them is something else.
    """
    digest = hashlib.blake2b(digest_size=20)
    for value in values:
        _value(digest, value, 0)
    return digest.digest()


def _closed(digest: Any, closed: core.ClosedJaxpr, orders: int) -> None:
    _program(digest, closed.jaxpr, orders)
    for constant in closed.consts:
        _value(digest, constant, orders)


def _program(digest: Any, jaxpr: core.Jaxpr, orders: int) -> None:
    """Add the equations in order, with variables numbered by first use."""
    numbers: dict[Any, int] = {}

    def name(v: Any) -> None:
        if isinstance(v, core.Literal):
            _words(digest, "literal", v.aval)
            _value(digest, v.val, orders)
        else:
            _words(digest, numbers.setdefault(v, len(numbers)), v.aval)

    for v in (*jaxpr.constvars, *jaxpr.invars):
        name(v)
    for eqn in jaxpr.eqns:
        _words(digest, "equation", eqn.primitive.name)
        for v in eqn.invars:
            name(v)
        own_rule = eqn.primitive.name.startswith("custom_")
        if own_rule:
            _derivatives(digest, eqn, orders)
        for key, value in sorted(eqn.params.items()):
            if not (own_rule and _is_function(value)):
                _words(digest, key)
                _value(digest, value, orders)
        for v in eqn.outvars:
            name(v)
    _words(digest, "outputs")
    for v in jaxpr.outvars:
        name(v)


def _derivatives(digest: Any, eqn: Any, orders: int) -> None:
    """Add the jaxpr of the derivative of a function with a derivative rule of its own."""
    if orders == 0:
        return
    avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars]
    floats = [i for i, a in enumerate(avals) if np.issubdtype(a.dtype, np.floating)]

    def of_floats(args: Any, some: Any) -> Any:
        args = list(args)
        for i, value in zip(floats, some, strict=True):
            args[i] = value
        return bind(eqn.primitive, args, eqn.params)

    def pull(args: Any) -> Any:
        some = [args[i] for i in floats]
        out, back = jax.vjp(lambda *these: of_floats(args, these), *some)
        return back(jax.tree.map(lambda x: x * 0 + 1, out))

    try:
        program = jax.make_jaxpr(pull)(avals)
    except Exception as error:  # a user's rule may raise anything
        raise IncomparableError from error
    _closed(digest, program, orders - 1)


def _value(digest: Any, value: Any, orders: int) -> None:
    match value:
        case core.ClosedJaxpr():
            _closed(digest, value, orders)
        case core.Jaxpr():
            _program(digest, value, orders)
        case None | bool() | int() | float() | complex() | str() | bytes() | enum.Enum():
            _words(digest, type(value).__name__, repr(value))
        case np.dtype() | type():
            _words(digest, "type", value)
        case np.ndarray() | np.generic() | jax.Array():
            _array(digest, value)
        case _ if dataclasses.is_dataclass(value):
            _fields(digest, value, orders)
        case Mapping():
            _words(digest, "mapping", len(value))
            for key in sorted(value, key=str):
                _words(digest, key)
                _value(digest, value[key], orders)
        case tuple() | list():
            _words(digest, type(value).__name__, len(value))
            for entry in value:
                _value(digest, entry, orders)
        case _:
            _object(digest, value)


def _fields(digest: Any, value: Any, orders: int) -> None:
    """Add a dataclass by its fields, if its package is known; else its methods could differ."""
    kind = type(value)
    if kind.__module__.partition(".")[0] not in _KNOWN:
        raise IncomparableError(repr(value))
    _words(digest, kind.__module__, kind.__qualname__)
    for field in dataclasses.fields(value):
        _words(digest, field.name)
        _value(digest, getattr(value, field.name), orders)


def _array(digest: Any, value: Any) -> None:
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        _words(digest, "keys", value.dtype)
        value = jax.random.key_data(value)
    array = np.asarray(value)
    if array.dtype == object:
        raise IncomparableError(repr(value))
    _words(digest, "array", array.dtype, array.shape)
    digest.update(np.ascontiguousarray(array).tobytes())


def _object(digest: Any, value: Any) -> None:
    """Add an object by its repr (a mesh, gather dimension numbers), if that holds no address."""
    words, kind = repr(value), type(value)
    if isinstance(value, types.FunctionType) and _is_of_jax(value):
        words = f"{value.__module__}.{value.__qualname__}"
    elif _is_function(value) or " at 0x" in words:
        raise IncomparableError(words)
    _words(digest, kind.__qualname__, words)


def _is_function(value: Any) -> bool:
    """Whether a value is a function or JAX's wrapper of one; callables of JAX, a mesh, are not."""
    kind = type(value)
    of_jax = str(kind.__module__).startswith("jax.")
    return kind.__name__ == "WrappedFun" or (callable(value) and not of_jax)


def _is_of_jax(function: types.FunctionType) -> bool:
    """Whether a function is defined at the top level of a module of JAX."""
    module = str(function.__module__)  # None of a function made by exec
    return module.startswith("jax.") and "<locals>" not in function.__qualname__


def _words(digest: Any, *words: Any) -> None:
    digest.update("\x1f".join(map(str, words)).encode() + b"\x1e")
