"""Data of restarts or replicates with weights, and perhaps rows, of their own.

The loop of a fit to few data is compiled for weights of each restart, so that refits with other
weights (folds, the bootstrap) use the same program.
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
from jaxem.data.fit_data import FitData, find_fit_data
from jaxem.estep.anchored import Anchored
from jaxem.estep.source import Source
from jaxem.initial import Setting
from jaxem.model import Model
from jaxem.numerics.rows import row_count
from jaxem.types import Array, Data

#: Rows times restarts up to which data are few, and each restart of a fit has its own weights.
_FEW = 2**15


class Own(NamedTuple):
    """The data that B restarts or replicates do not share.

    Attributes:
        weights: Weights of the rows in blocks, (B, blocks, size).
        beyond: Weighted sum of the log joint of the rows at the reference, which anchors do not
            give, (B,); None on the direct path.
        rows: Rows of each, leaves (B, blocks, size, ...), or None.
    """

    weights: Array
    beyond: Array | None
    rows: Data | None


class OwnData:
    """The data of a batch of replicates.

    Args:
        model: The declared model.
        plan: Its plan.
        fit_data: The shared data.
        weights: Weights of the rows, (B, n).
        rows: Rows of each, leaves (B, n, ...), or None.
    """

    def __init__(
        self,
        model: Model,
        plan: Plan,
        fit_data: FitData,
        weights: np.ndarray,
        rows: Data | None,
    ):
        self._model, self._plan, self._fit_data = model, plan, fit_data
        self._weights, self._rows = weights.astype(fit_data.weights.dtype), rows

    @property
    def rows(self) -> int:
        """Number of rows of one replicate."""
        return row_count(self._fit_data.rows)

    @property
    def path(self) -> str:
        """The fastest path; direct for new rows if coefficients are stored, not features."""
        found = self._fit_data.found
        if self._fit_data.first == "direct" or not isinstance(found, Anchors):
            return "direct"
        return "product" if self._rows is None or found.features is not None else "direct"

    def source(self, path: str, replicates: int) -> tuple[Source, Own]:
        """The shared data and those of each replicate, in the form of a path.

        Args:
            path: "product" or "direct".
            replicates: Replicates that run at once.

        Returns:
            The shared data; and those of each replicate, NumPy leaves (B, ...).
        """
        configurations = self._model.latent.configurations
        source = self._fit_data.source(path, configurations, replicates)
        blocks = source.batch.weights.shape
        if self._fit_data.sequences is not None:
            order = self._fit_data.order(self._fit_data.sequences, path, configurations, replicates)
            weights = self._weights[:, order.index] * order.exists
            rows = jax.tree.map(lambda leaf: leaf[:, order.index], self._rows)
        else:
            exists = np.arange(blocks[0] * blocks[1]).reshape(blocks) < self._weights.shape[1]
            weights = _cut(self._weights, blocks) * exists
            rows = jax.tree.map(lambda leaf: _cut(leaf, blocks), self._rows)
        kept: Any = weights.astype(self._weights.dtype)
        own = Own(kept, None, rows)
        if not isinstance(source, Anchored):
            return source, own
        return source, own._replace(beyond=self._beyond().astype(self._weights.dtype))

    def _beyond(self) -> np.ndarray:
        """Weighted sums of the log joint of the rows at the reference, (B,)."""
        found, weights = self._fit_data.found, self._weights.astype(float)
        assert isinstance(found, Anchors)
        if self._rows is None:
            return weights @ found.references
        fixed = {k: self._model.parameter(k).floored(v) for k, v in self._model.fixed.items()}
        every = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), self._rows)
        tables = self._plan.tables.blocks({**fixed, **self._plan.reference}, every)
        references = np.concatenate([table[:, 0] for table in tables])
        return (weights * references.reshape(weights.shape)).sum(1)


def are_few(rows: int, restarts: int) -> bool:
    """Whether data are few: each restart of a fit has its own weights, and chunks grow long."""
    return rows * restarts <= _FEW


def shared(source: Source, restarts: int) -> Own | None:
    """The weights of the data once for each restart; None where they are many.

    Args:
        source: The data.
        restarts: Restarts that run at once.
    """
    weights = source.batch.weights
    if source.parts > 1 or not are_few(weights.size, restarts):
        return None

    def each(leaf: Array) -> Array:
        return jax.device_put(np.repeat(np.asarray(leaf)[None], restarts, 0))

    return Own(each(weights), each(source.beyond) if isinstance(source, Anchored) else None, None)


def with_own(source: Source, own: Own) -> Source:
    """The shared data with the weights and rows of one replicate."""
    source = eqx.tree_at(lambda s: s.batch.weights, source, own.weights)
    if own.beyond is not None:
        source = eqx.tree_at(lambda s: s.beyond, source, own.beyond)
    if own.rows is not None:
        source = eqx.tree_at(lambda s: s.batch.rows, source, own.rows)
    return source


def every_row(setting: Setting, algorithm: Algorithm) -> FitData:
    """The paths through rows of which none is merged or left out, all of weight one."""
    model, plan, data = setting.model, setting.plan, setting.data
    ones = np.ones(row_count(data), jnp.result_type(float))
    if setting.sequences is not None:
        return find_fit_data(dataclasses.replace(setting, weights=ones), algorithm, 1)
    found: Anchors | Refused = Refused("an M-step that a person wrote reads every row")
    if not algorithm.m_step.reads_rows:
        found = replace_data(plan, model, data)
    path = "direct" if isinstance(found, Refused) else "product"
    return FitData(data, ones, len(ones), found, path, spread=plan.spread)


def _cut(leaf: np.ndarray, blocks: tuple[int, ...]) -> np.ndarray:
    """Rows (B, n, ...) in blocks (B, blocks, size, ...), filled with copies of the first."""
    places = np.arange(blocks[0] * blocks[1])
    order = np.where(places < leaf.shape[1], places, 0)
    return leaf[:, order].reshape(len(leaf), *blocks, *leaf.shape[2:])
