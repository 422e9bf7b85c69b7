"""The arguments of a program, matched with data by name."""

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxem.model.arrays import as_array, in_flag_precision, is_table, warn_of_float32
from jaxem.programs.run import run
from jaxem.types import DeclarationError

_NAMED = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


class Arguments:
    """The arguments of one call of a program.

    Args:
        program: The program.
        values: Arguments by name, arrays as NumPy arrays.

    Attributes:
        labels: Names of all leaves of the arguments, for instance ``batch['x']``.
        leaves: The leaves: arrays, and constants of any type.
    """

    def __init__(self, program: Callable[..., Any], values: Mapping[str, Any]):
        self.program = program
        self.values = dict(values)
        with_paths, self._tree = jax.tree_util.tree_flatten_with_path(self.values)
        self.labels = [_label(path) for path, _ in with_paths]
        self.leaves = [leaf for _, leaf in with_paths]

    def call(self, leaves: list[Any] | None = None) -> Callable[[], Any]:
        """The program with these arguments, or with other leaves in their places."""
        values = self.with_leaves(self.leaves if leaves is None else leaves)
        first = [
            values.pop(p.name)
            for p in inspect.signature(self.program).parameters.values()
            if p.kind == inspect.Parameter.POSITIONAL_ONLY and p.name in values
        ]
        return lambda: self.program(*first, **values)

    def with_leaves(self, leaves: list[Any]) -> dict[str, Any]:
        """Arguments by name with other leaves in their places."""
        return jax.tree.unflatten(self._tree, leaves)

    @functools.cached_property
    def carries(self) -> list[Any]:
        """The values that the program's scan carries into its steps, at ordinary hidden values."""
        return run(self.call(), {}).carries

    def alike(self, other: "Arguments", rows: frozenset[str], read: frozenset[str]) -> bool:
        """Whether a model made for these arguments holds for others.

        Args:
            other: Arguments of the same program.
            rows: Labels of leaves that carry rows: their shapes and types must be equal.
            read: Labels of those whose values must be equal as well.
        """
        if self.labels != other.labels or self._tree != other._tree:
            return False
        return all(
            _shaped(a) == _shaped(b) and (label in rows - read or _equal(a, b))
            for label, a, b in zip(self.labels, self.leaves, other.leaves, strict=True)
        )


def read_arguments(
    program: Callable[..., Any], constants: Mapping[str, Any], data: Any
) -> Arguments:
    """Match data to the arguments of a program.

    Args:
        program: The program.
        constants: Arguments that were given with the program.
        data: Arguments by name; or one array, for the one argument that is required.

    Raises:
        DeclarationError: If an argument is unknown, missing, or given twice.
    """
    parameters = inspect.signature(program).parameters
    names = argument_names(program)
    required = [
        p.name
        for p in parameters.values()
        if p.kind in _NAMED and p.default is p.empty and p.name not in constants
    ]
    if not isinstance(data, Mapping):
        data = {_only(required or [n for n in names if n not in constants], program): data}
    open_ended = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
    for name in (*constants, *data):
        if name not in names and not open_ended:
            folded = {known.casefold(): known for known in names}
            close = difflib.get_close_matches(str(name).casefold(), folded, 1)
            hint = f" (did you mean {folded[close[0]]!r}?)" if close else ""
            raise DeclarationError(
                f"{name!r} is no argument of {name_of(program)}{hint}; its arguments are "
                f"{', '.join(map(repr, names))}."
            )
        if name in constants and name in data:
            raise DeclarationError(
                f"{name!r} is given to from_numpyro and again in the data; give it once."
            )
    missing = [name for name in required if name not in data]
    if missing:
        raise DeclarationError(
            f"{name_of(program)} needs {', '.join(map(repr, missing))}, which the data lack; give "
            f"a dictionary by the names of its arguments, {', '.join(map(repr, names))}."
        )
    given = {**constants, **data}
    return Arguments(program, {name: _as_arrays(name, value) for name, value in given.items()})


def argument_names(program: Callable[..., Any]) -> list[str]:
    """Names of the arguments of a program, in order."""
    return [p.name for p in inspect.signature(program).parameters.values() if p.kind in _NAMED]


def name_of(program: Callable[..., Any]) -> str:
    """The name of a program in error messages."""
    return f"the program {getattr(program, '__name__', type(program).__name__)!r}"


def _only(candidates: list[str], program: Callable[..., Any]) -> str:
    if len(candidates) == 1:
        return candidates[0]
    raise DeclarationError(
        f"{name_of(program)} has {len(candidates)} arguments that the data could be "
        f"({', '.join(map(repr, candidates))}); give a dictionary by the names of its arguments."
    )


def _as_arrays(name: str, value: Any) -> Any:
    """The argument with NumPy arrays for whatever holds numbers; the rest is constant."""

    def convert(leaf: Any) -> Any:
        if not (is_table(leaf) or isinstance(leaf, np.ndarray | jax.Array)):
            return leaf
        read = as_array(leaf, f"argument {name!r}")
        if read.dtype.kind in "iuf":
            warn_of_float32(read)
        array = in_flag_precision(read)
        if array.dtype.kind not in "biuf":
            raise DeclarationError(
                f"argument {name!r} holds {array.dtype}, not numbers. Code categories as "
                f"integers 0, 1, 2, ... (numpy.unique(column, return_inverse=True) does it)."
            )
        return array

    return jax.tree.map(convert, value, is_leaf=is_table)


def _label(path: Any) -> str:
    return str(path[0].key) + jax.tree_util.keystr(path[1:])


def _shaped(leaf: Any) -> Any:
    return (leaf.shape, leaf.dtype) if isinstance(leaf, np.ndarray) else type(leaf)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    return a is b or bool(a == b)
