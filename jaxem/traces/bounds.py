"""Array reads at an index in a jaxpr: which indices are out of range, and which entries are read.

JAX raises no error for an index out of range: past the end it reads the last entry, and so does
-1. A parameter with fewer entries than there are states then counts one state twice, and a missing
value that is coded as -1 counts as the last category, silently. `Reads` collects the equations of
a jaxpr that read an array at an index, and evaluates the jaxpr with three results more: which
index of which read is out of range, whether the value depends on the entry read there, and which
entries the indices reach.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.extend import core

from jaxem.traces.rewrite import bind
from jaxem.types import Array

#: Kinds of inputs and indices, by what they depend on: neither state nor data, the latent state
#: alone, or data.
CONSTANT, STATE, DATA = 0, 1, 2

#: Bits of a flag.
BEYOND, NEGATIVE = 1, 2

_OUTSIDE = 2**30
_SAME = ("reshape", "squeeze", "broadcast_in_dim", "convert_element_type", "copy")

#: Primitives that read an array at an index.
READS = ("gather", "dynamic_slice")


@dataclasses.dataclass(frozen=True)
class Read:
    """One equation that reads an array at an index.

    Attributes:
        inputs: Positions of the inputs that the array depends on.
        shape: Shape of the array.
        axes: Indexed axes, each with the kind of its index.
        columns: For each axis with a scalar index of kind `STATE`, its position among all such
            indices of the jaxpr.
    """

    inputs: frozenset[int]
    shape: tuple[int, ...]
    axes: dict[int, int]
    columns: dict[int, int]


class Reads:
    """The reads of a traced function at an index; bodies of loops and branches are left out.

    Args:
        closed: The function.
        kinds: For each input, `CONSTANT` (parameters), `STATE` or `DATA`.

    Attributes:
        all: The reads, in the order of the program.
    """

    def __init__(self, closed: core.ClosedJaxpr, kinds: Sequence[int]):
        self._closed = closed
        self._inputs: dict[Any, frozenset[int]] = {}
        self._kinds: dict[Any, int] = {}
        self._roots: dict[Any, Any] = {}
        self._parts: dict[Any, list[Any]] = {}
        self._made: dict[Any, Any] = {}
        self._wraps: set[int] = set()
        self.all: list[Read] = []
        self._columns: list[tuple[int, Any]] = []
        for place, (v, kind) in enumerate(zip(closed.jaxpr.invars, kinds, strict=True)):
            self._inputs[v], self._kinds[v] = frozenset({place}), kind
        for place, eqn in enumerate(closed.jaxpr.eqns):
            self._look(place, eqn)

    @property
    def by_data(self) -> bool:
        """Whether some index depends on data."""
        return any(kind == DATA for read in self.all for kind in read.axes.values())

    def avoids(self, place: int) -> bool:
        """Whether the output depends on an input only through reads of it at an index."""
        reached = {self._closed.jaxpr.invars[place]}
        for eqn in self._closed.jaxpr.eqns:
            used = [v for v in eqn.invars if not isinstance(v, core.Literal) and v in reached]
            if used and eqn.primitive.name in READS and eqn.invars[0] in used:
                continue
            if used:
                reached.update(eqn.outvars)
        return not any(v in reached for v in self._closed.jaxpr.outvars)

    def flags(self, *args: Any) -> Array:
        """Flags of the G reads, `BEYOND` or `NEGATIVE`, and the H scalar state indices, (G + H,).

        Only indices that depend on data are flagged as negative; one of the state alone may count
        from the end.
        """
        flags, columns, _ = self._run(args, False)
        return jnp.stack([*flags, *columns]) if flags else jnp.zeros((0,), jnp.int32)

    def otherwise(self, *args: Any) -> tuple[Array, Array]:
        """The output, and the output with other numbers in place of entries read out of range."""
        return self._run(args, False)[2], self._run(args, True)[2]

    def _look(self, place: int, eqn: Any) -> None:
        name = eqn.primitive.name
        known = [v for v in eqn.invars if not isinstance(v, core.Literal)]
        inputs = frozenset().union(*(self._inputs.get(v, frozenset()) for v in known))
        kind = max((self._kinds.get(v, CONSTANT) for v in known), default=CONSTANT)
        for v in eqn.outvars:
            self._inputs[v], self._kinds[v], self._made[v] = inputs, kind, eqn
        if name in _SAME and known:
            self._roots[eqn.outvars[0]] = self._root(known[0])
            self._parts[eqn.outvars[0]] = self._parts.get(known[0], [known[0]])
        elif name == "concatenate":
            self._parts[eqn.outvars[0]] = list(eqn.invars)
        elif name == "select_n" and self._counts_from_the_end(eqn):
            self._roots[eqn.outvars[0]] = self._root(eqn.invars[1])
            if kind == DATA:
                self._wraps.add(place)
        elif name in READS:
            self._read(place, eqn)

    def _root(self, v: Any) -> Any:
        return v if isinstance(v, core.Literal) else self._roots.get(v, v)

    def _counts_from_the_end(self, eqn: Any) -> bool:
        """Whether an equation wraps negative indices as NumPy does, ``where(i < 0, i + n, i)``."""
        if len(eqn.invars) != 3 or not jnp.issubdtype(eqn.outvars[0].aval.dtype, jnp.signedinteger):
            return False
        choice, index, shifted = (self._root(v) for v in eqn.invars)
        if any(isinstance(v, core.Literal) for v in (choice, index, shifted)):
            return False
        asked, added = self._made.get(choice), self._made.get(shifted)
        return (
            asked is not None
            and added is not None
            and asked.primitive.name == "lt"
            and added.primitive.name == "add"
            and self._root(asked.invars[0]) is index
            and self._root(added.invars[0]) is index
            and isinstance(asked.invars[1], core.Literal)
            and isinstance(added.invars[1], core.Literal)
        )

    def _read(self, place: int, eqn: Any) -> None:
        shape, sizes = tuple(eqn.invars[0].aval.shape), eqn.params["slice_sizes"]
        if eqn.primitive.name == "dynamic_slice":
            indices = dict(enumerate(eqn.invars[1:]))
        else:
            axes = eqn.params["dimension_numbers"].start_index_map
            parts = self._parts.get(eqn.invars[1], [eqn.invars[1]])
            parts = parts if len(parts) == len(axes) else [eqn.invars[1]] * len(axes)
            indices = dict(zip(axes, parts, strict=True))
        axes, columns = {}, {}
        for axis, v in indices.items():
            if sizes[axis] == shape[axis] and sizes[axis] != 1:
                continue
            literal = isinstance(v, core.Literal)
            axes[axis] = CONSTANT if literal else self._kinds.get(v, CONSTANT)
            if axes[axis] == STATE and v.aval.size == 1:
                columns[axis] = len(self._columns)
                self._columns.append((place, v))
        inputs = self._inputs.get(eqn.invars[0], frozenset())
        self.all.append(Read(inputs, shape, axes, columns))

    def _run(self, args: Sequence[Any], other: bool) -> tuple[list[Array], list[Array], Array]:
        jaxpr = self._closed.jaxpr
        values: dict[Any, Any] = dict(zip(jaxpr.constvars, self._closed.consts, strict=True))
        values.update(zip(jaxpr.invars, args, strict=True))

        def read(v: Any) -> Any:
            return v.val if isinstance(v, core.Literal) else values[v]

        flags: list[Array] = []
        for place, eqn in enumerate(jaxpr.eqns):
            inputs = [read(v) for v in eqn.invars]
            out = bind(eqn.primitive, inputs, eqn.params)
            outputs = out if eqn.primitive.multiple_results else [out]
            if place in self._wraps:
                outputs = [jnp.where(inputs[1] < 0, -_OUTSIDE, inputs[1])]
            elif eqn.primitive.name in READS:
                index = _indices(eqn, inputs)
                last = jnp.asarray(_last_index(eqn, jnp.shape(inputs[0])), index.dtype)
                beyond, negative = index > last, index < -_OUTSIDE // 2
                if _fills(eqn):  # the value of an entry out of range was declared
                    beyond = jnp.zeros_like(beyond)
                found = BEYOND * jnp.any(beyond).astype(int)
                flags.append(found + NEGATIVE * jnp.any(negative).astype(int))
                if other:
                    outside = jnp.any(beyond | negative, axis=-1)
                    outputs = [jnp.where(_spread(eqn, outside), _another(out), out)]
            values.update(zip(eqn.outvars, outputs, strict=True))
        columns = [jnp.reshape(read(v), ()).astype(int) for _, v in self._columns]
        return flags, columns, read(jaxpr.outvars[0])


def _indices(eqn: Any, inputs: list[Any]) -> Array:
    """All indices of a read, the indexed axes last."""
    if eqn.primitive.name == "gather":
        return jnp.asarray(inputs[1])
    return jnp.stack([jnp.asarray(i) for i in inputs[1:]])


def _last_index(eqn: Any, shape: tuple[int, ...]) -> list[int]:
    sizes = eqn.params["slice_sizes"]
    if eqn.primitive.name == "dynamic_slice":
        return [n - size for n, size in zip(shape, sizes, strict=True)]
    return [shape[a] - sizes[a] for a in eqn.params["dimension_numbers"].start_index_map]


def _fills(eqn: Any) -> bool:
    """Whether a read has a declared fill value for an index past the end."""
    if eqn.primitive.name != "gather":
        return False
    filled = eqn.params["mode"] == lax.GatherScatterMode.FILL_OR_DROP
    value = eqn.params["fill_value"]
    return filled and value is not None and value == value


def _spread(eqn: Any, outside: Array) -> Array:
    """Which entries of the result of a read are out of range; slice axes have length one."""
    if eqn.primitive.name == "dynamic_slice":
        return outside
    return jnp.expand_dims(outside, eqn.params["dimension_numbers"].offset_dims)


def _another(out: Array) -> Array:
    """Other numbers than these, in every interval (positive, unit) that these may lie in."""
    if not jnp.issubdtype(out.dtype, jnp.inexact):
        return out
    return jnp.where(jnp.isfinite(out), 0.53 * out + 0.0717, 0.5)
