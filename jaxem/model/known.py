"""A process-wide cache of plans and programs, keyed by a digest of the declaration's traces."""

import dataclasses
import threading
from collections import OrderedDict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.model.model import Model
from jaxem.numerics.rows import take_rows
from jaxem.traces.meaning import IncomparableError, digest_of
from jaxem.types import Data

#: Declarations in the cache, those used last.
_MOST = 16

_remembered: "OrderedDict[bytes, Known]" = OrderedDict()
_lock = threading.Lock()


@dataclasses.dataclass(eq=False)
class Known:
    """Cache entry: plans and programs of one declaration for rows of one form.

    Attributes:
        model: The first model of this declaration; programs are compiled from it.
        meaning: A digest that is equal for equal declarations in every process, or None.
        indices: The indexed reads of its log joint.
        opened: Its compiled programs, `algebra.opened.Opened`.
        plans: Its plans, by the fingerprint of the rows that they were made for.
    """

    model: Model
    meaning: bytes | None = None
    indices: Any = None
    opened: Any = None
    plans: dict[Any, Any] = dataclasses.field(default_factory=dict)

    def identity(self, *parts: Any) -> bytes | None:
        """A key of the programs of this declaration and these parts, equal in every process."""
        if self.meaning is None:
            return None
        try:
            return digest_of(self.meaning, *parts)
        except IncomparableError:
            return None


def known_of(model: Model, rows: Data) -> Known:
    """The cache entry of a declaration; a fresh one if the declaration cannot be compared.

    Args:
        model: The declared model.
        rows: Rows with which the log joint can be called, NumPy leaves.
    """
    form = _form(rows)
    if form not in model.known:
        model.known[form] = _remember(model, take_rows(rows, 0))
    return model.known[form]


def _form(rows: Data) -> Any:
    """The form of rows: pytree structure, shapes, dtypes and flag. One trace serves one form."""
    leaves, tree = jax.tree.flatten(rows)
    x64 = jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
    return tree, tuple((leaf.shape[1:], str(leaf.dtype)) for leaf in leaves), x64


def _remember(model: Model, row: Data) -> Known:
    try:
        meant = _meaning(model, row)
    except IncomparableError:
        return Known(model)
    with _lock:
        found = _remembered.setdefault(meant, Known(model, meant))
        _remembered.move_to_end(meant)
        while len(_remembered) > _MOST:
            _remembered.popitem(last=False)
    return found


def _meaning(model: Model, row: Data) -> bytes:
    """A digest of a declaration, equal for declarations with the same programs.

    Raises:
        IncomparableError: If a part of it cannot be compared.
    """
    latent = model.latent
    parts: list[Any] = [type(latent).__qualname__, dict(vars(latent))]
    for p in model.parameters:
        constraint = [type(p.constraint).__qualname__, *jax.tree.leaves(p.constraint)]
        parts.append([p.name, p.path, p.shape, p.fixed, p.described, constraint])
    parts += [[t.name, t.path, t.shape, t.weighed] for t in model.tied]
    x64 = bool(jax.config.jax_enable_x64)  # pyright: ignore[reportAttributeAccessIssue]
    for wide in {x64, True}:  # plans are made in double precision
        with jax.enable_x64(wide):
            parts += [x64, wide, *_traces(model, row)]
    return digest_of(*parts)


def _traces(model: Model, row: Data) -> list[bytes]:
    dtype = jnp.result_type(float)
    values = {p.name: np.zeros(p.shape, dtype) for p in model.parameters}
    found = model.meanings(values, jax.tree.map(_in_precision, row))
    if any(part is None for part in found):
        raise IncomparableError("a trace")
    return [part for part in found if part is not None]


def _in_precision(leaf: Any) -> Any:
    leaf = np.asarray(leaf)
    floating = np.issubdtype(leaf.dtype, np.floating)
    return leaf.astype(jnp.result_type(float)) if floating else leaf
