"""Data of which every restart or replicate has some for itself: weights, and perhaps rows.

The loop of a fit is compiled for data of this kind where they are few, so that refits with weights
of their own (folds, the bootstrap) find it compiled.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.plan import Plan, replace_data
from jaxem.algorithm import Algorithm
from jaxem.data.ways import Ways, find_ways
from jaxem.estep.anchored import Anchored
from jaxem.estep.source import Source
from jaxem.initial import Setting
from jaxem.model import Model
from jaxem.numerics.rows import row_count
from jaxem.types import Array, Data

#: Weights of rows, over all restarts, up to which each restart of a fit has its own.
_FEW = 2**18


class Own(NamedTuple):
    """What a restart or replicate does not share with others, with a leading axis of these.

    Attributes:
        weights: Weights of the rows in blocks, (B, blocks, size).
        beyond: What rows have beyond the space of the anchors, (B,); None on the direct path.
        rows: Rows of its own, leaves (B, blocks, size, ...), or None.
    """

    weights: Array
    beyond: Array | None
    rows: Data | None


class OwnData:
    """The data of a batch of replicates.

    Args:
        model: The declared model.
        plan: Its plan.
        ways: What they share.
        weights: Weights of the rows, (B, n).
        rows: Rows of each, leaves (B, n, ...), or None.
    """

    def __init__(
        self, model: Model, plan: Plan, ways: Ways, weights: np.ndarray, rows: Data | None
    ):
        self._model, self._plan, self._ways = model, plan, ways
        self._weights, self._rows = weights.astype(ways.weights.dtype), rows

    @property
    def rows(self) -> int:
        """Number of rows of one replicate."""
        return row_count(self._ways.rows)

    @property
    def path(self) -> str:
        """The fastest path; features can be made of new rows, stored coefficients cannot."""
        found = self._ways.found
        if self._ways.first == "direct" or not isinstance(found, Anchors):
            return "direct"
        return "product" if self._rows is None or found.features is not None else "direct"

    def source(self, path: str, replicates: int) -> tuple[Source, Own]:
        """What they share and what they do not, as a run on a path sees them.

        Args:
            path: "product" or "direct".
            replicates: How many make a pass together.

        Returns:
            What is shared; and what is not, NumPy leaves (B, ...).
        """
        configurations = self._model.latent.configurations
        source = self._ways.source(path, configurations, replicates)
        blocks = source.batch.weights.shape
        if self._ways.sequences is not None:
            order = self._ways.order(self._ways.sequences, path, configurations, replicates)
            weights = self._weights[:, order.index] * order.exists
            rows = jax.tree.map(lambda leaf: leaf[:, order.index], self._rows)
        else:
            there = np.arange(blocks[0] * blocks[1]).reshape(blocks) < self._weights.shape[1]
            weights = _cut(self._weights, blocks) * there
            rows = jax.tree.map(lambda leaf: _cut(leaf, blocks), self._rows)
        kept: Any = weights.astype(self._weights.dtype)
        own = Own(kept, None, rows)
        if not isinstance(source, Anchored):
            return source, own
        return source, own._replace(beyond=self._beyond().astype(self._weights.dtype))

    def _beyond(self) -> np.ndarray:
        """What the log joint of the rows has beyond the space of the anchors, (B,)."""
        found, weights = self._ways.found, self._weights.astype(float)
        assert isinstance(found, Anchors)
        if self._rows is None:
            return weights @ found.references
        fixed = {k: self._model.parameter(k).floored(v) for k, v in self._model.fixed.items()}
        every = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), self._rows)
        tables = self._plan.tables.blocks({**fixed, **self._plan.reference}, every)
        references = np.concatenate([table[:, 0] for table in tables])
        return (weights * references.reshape(weights.shape)).sum(1)


def are_few(rows: int, restarts: int) -> bool:
    """Whether each restart of a fit has weights of its own."""
    return rows * restarts <= _FEW


def shared(source: Source, restarts: int) -> Own | None:
    """The weights of the data once for each restart; None where they are many.

    Args:
        source: The data.
        restarts: How many restarts make a pass together.
    """
    weights = source.batch.weights
    if source.parts > 1 or not are_few(weights.size, restarts):
        return None

    def each(leaf: Array) -> Array:
        return jax.device_put(np.repeat(np.asarray(leaf)[None], restarts, 0))

    return Own(each(weights), each(source.beyond) if isinstance(source, Anchored) else None, None)


def with_own(source: Source, own: Own) -> Source:
    """The shared data with what one replicate has of its own."""
    source = eqx.tree_at(lambda s: s.batch.weights, source, own.weights)
    if own.beyond is not None:
        source = eqx.tree_at(lambda s: s.beyond, source, own.beyond)
    if own.rows is not None:
        source = eqx.tree_at(lambda s: s.batch.rows, source, own.rows)
    return source


def every_row(setting: Setting, algorithm: Algorithm) -> Ways:
    """The paths through rows of which none is merged or left out, all of weight one."""
    model, plan, data = setting.model, setting.plan, setting.data
    ones = np.ones(row_count(data), jnp.result_type(float))
    if setting.sequences is not None:
        return find_ways(dataclasses.replace(setting, weights=ones), algorithm, 1)
    found: Anchors | Refused = Refused("an M-step that a person wrote reads every row")
    if not algorithm.m_step.reads_rows:
        found = replace_data(plan, model, data)
    path = "direct" if isinstance(found, Refused) else "product"
    return Ways(data, ones, len(ones), found, path, spread=plan.spread)


def _cut(leaf: np.ndarray, blocks: tuple[int, ...]) -> np.ndarray:
    """Rows (B, n, ...) in blocks (B, blocks, size, ...), filled with copies of the first."""
    places = np.arange(blocks[0] * blocks[1])
    order = np.where(places < leaf.shape[1], places, 0)
    return leaf[:, order].reshape(len(leaf), *blocks, *leaf.shape[2:])
