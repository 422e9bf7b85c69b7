"""Common-subexpression elimination and constant folding of a jaxpr; its values do not change.

Libraries are written for every case: an index is wrapped although it is never negative, an integer
is divided by one to see whether it is one, the same comparison is made for a value and for its
derivative. The log density of one categorical draw has sixty equations, of which twelve are
needed. Every derivative, batch and compilation of a log joint repeats them; `simplify` removes
equal equations, folds integers and booleans that are constant, and merges reshapes.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend import core

from jaxem.traces.rewrite import OWN_RULES, Rewriter, reread

#: Exact operations on integers and booleans.
_EXACT: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "neg": np.negative,
    "max": np.maximum,
    "min": np.minimum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "not": np.invert,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


def simplify(closed: core.ClosedJaxpr) -> core.ClosedJaxpr:
    """The jaxpr with calls inlined, and without repeated or constant equations.

    Args:
        closed: A traced function.

    Returns:
        A traced function with the same inputs and outputs. Bodies of functions with derivative
        rules of their own, of loops and of branches are unchanged.
    """
    return reread(closed, _Lean())


class _Lean(Rewriter):
    """Interpreter that caches results by equation; constant integers and booleans are NumPy's."""

    def __init__(self):
        super().__init__({}, lambda name, _: not name.startswith(OWN_RULES))
        # Results of equations with their operands, and reshaped arrays with the arrays before. All
        # are referenced, so that no other array gets the `id` of one of them.
        self._made: dict[Any, tuple[list[Any], Any]] = {}
        self._whole: dict[int, tuple[Any, Any]] = {}

    def evaluate(self, eqn: Any, args: Any) -> list[Any]:
        """See `Rewriter`."""
        if eqn.effects:  # it prints, say
            return super().evaluate(eqn, args)
        known = _folded(eqn, args)
        if known is not None:
            return [known]
        if _only_shapes(eqn, args):
            return [self._shaped(args[0], eqn.outvars[0].aval.shape)]
        key = _key(eqn, args)
        if key is None:
            return super().evaluate(eqn, args)
        if key not in self._made:
            self._made[key] = super().evaluate(eqn, args), args
        return self._made[key][0]

    def _shaped(self, array: Any, shape: tuple[int, ...]) -> Any:
        """The array in another shape; successive reshapes are merged into one."""
        _, array = self._whole.get(id(array), (None, array))
        if np.shape(array) == shape:
            return array
        key = "reshape", _operand_key(array), shape
        if key not in self._made:
            shaped = lax.reshape(array, shape)
            self._made[key] = [shaped], array
            self._whole[id(shaped)] = shaped, array
        return self._made[key][0][0]


def _only_shapes(eqn: Any, args: Any) -> bool:
    """Whether an equation is a reshape: the entries in the same order."""
    name, out = eqn.primitive.name, eqn.outvars[0].aval
    if name in ("reshape", "broadcast_in_dim") and len(args) == 1:
        return (
            math.prod(np.shape(args[0])) == math.prod(out.shape)
            and eqn.params.get("dimensions") is None
        )
    return name in ("squeeze", "expand_dims")


def _folded(eqn: Any, args: Any) -> Any:
    """The output of an equation if it is a constant scalar or one of the operands, else None."""
    if len(eqn.outvars) != 1:
        return None
    name, out = eqn.primitive.name, eqn.outvars[0].aval
    numbers = [_exact_scalar(arg, v.aval) for arg, v in zip(args, eqn.invars, strict=True)]
    if name == "convert_element_type":
        if _same(args[0], out):
            return args[0]
        if numbers[0] is not None and _is_exact(out.dtype):
            return numbers[0].astype(out.dtype)
        return None
    if name == "select_n":
        chosen = None if numbers[0] is None else args[1 + int(numbers[0])]
        return chosen if chosen is not None and _same(chosen, out) else None
    if out.shape != () or not _is_exact(out.dtype):
        return None
    if name in _EXACT and all(number is not None for number in numbers):
        with np.errstate(over="ignore"):  # integers wrap round, as they do in XLA
            return np.asarray(_EXACT[name](*numbers))[()].astype(out.dtype)
    if name == "rem" and numbers[1] is not None and abs(int(numbers[1])) == 1:
        return np.zeros((), out.dtype)[()]
    if name in ("and", "or") and out.dtype == bool:
        for number, other in ((numbers[0], args[1]), (numbers[1], args[0])):
            if number is not None:
                return other if bool(number) == (name == "and") else number
    return None


def _exact_scalar(value: Any, aval: Any) -> np.generic | None:
    """A constant integer or boolean as a NumPy scalar; None for anything else."""
    on_host = hasattr(value, "__array__") and not isinstance(value, jax.Array)
    if not (on_host or isinstance(value, bool | int)) or np.shape(value) != ():
        return None
    value = np.asarray(value)[()]
    return aval.dtype.type(value) if _is_exact(aval.dtype) else None


def _is_exact(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind in "iub"  # a random key is none


def _same(value: Any, aval: Any) -> bool:
    """Whether a value has this shape, dtype and weak type."""
    weak = getattr(getattr(value, "aval", None), "weak_type", None)
    return (
        getattr(value, "dtype", None) == aval.dtype
        and np.shape(value) == aval.shape
        and (weak is None or weak == aval.weak_type)
    )


def _key(eqn: Any, args: Any) -> Any:
    """A hashable key of an equation: primitive, parameters, operands; None if there is none."""
    if eqn.effects:
        return None
    operands = tuple(_operand_key(arg) for arg in args)
    key = eqn.primitive, tuple(sorted(eqn.params.items())), operands
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _operand_key(arg: Any) -> Any:
    """A key of an operand, equal for equal scalars and for the same array object."""
    if not isinstance(arg, bool | int | float | np.generic | np.ndarray) or np.ndim(arg):
        return id(arg)
    number = np.asarray(arg)
    return number.dtype, number.tobytes()
