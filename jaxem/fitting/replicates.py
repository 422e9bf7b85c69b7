"""Many refits of one model at once, each with weights, or with rows, of its own.

A fit shares its data among restarts. Here the loop itself is mapped over replicates, and within
each over its starts: what replicates share (rows, features, anchors) is there once, what they do
not is one more axis. Refits are made to compare, not to be reported one by one: they have statuses,
and no certificates.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.plan import Plan, replace_data
from jaxem.algorithm.em import EM
from jaxem.estep.anchored import Anchored
from jaxem.estep.order import in_order
from jaxem.estep.source import Source
from jaxem.fitting.loop import CHUNK, Controls, State, first_states, run_chunk
from jaxem.fitting.path import Ways, find_ways
from jaxem.fitting.restarts import between_of
from jaxem.likelihood.units import evidence, unit_weights
from jaxem.model import Model
from jaxem.model.sequences import Sequences
from jaxem.numerics.logspace import weighted
from jaxem.numerics.rows import row_count
from jaxem.status import Status
from jaxem.types import Array, Data

#: Nats by which products may differ from the log joint at every row.
_HARMLESS = 1e-5


class Own(NamedTuple):
    """What a replicate does not share with others, with a leading axis of replicates.

    Attributes:
        weights: Weights of the rows in blocks, (B, blocks, size).
        beyond: What rows have beyond the space of the anchors, (B,); None on the direct path.
        rows: Rows of its own, leaves (B, blocks, size, ...), or None.
    """

    weights: Array
    beyond: Array | None
    rows: Data | None


@dataclasses.dataclass(frozen=True, eq=False)
class Replicates:
    """How all refits ended: B replicates, R starts each.

    Attributes:
        values: Parameters by dotted name, leaves (B, R, ...).
        objective: Log posterior, (B, R).
        log_likelihood: The part of it that the data make, (B, R).
        status: A `Status` each, (B, R).
        steps: Steps taken, (B, R).
    """

    values: dict[str, np.ndarray]
    objective: np.ndarray
    log_likelihood: np.ndarray
    status: np.ndarray
    steps: np.ndarray

    @property
    def usable(self) -> np.ndarray:
        """Which refits ended with a sane answer, (B, R)."""
        sane = np.vectorize(lambda code: Status(code).usable)(self.status)
        return sane & np.isfinite(self.objective)

    def best(self) -> "Replicates":
        """The best usable start of each replicate alone, leaves (B, 1, ...)."""
        height = np.where(self.usable, self.objective, -np.inf)
        index = height.argmax(1)[:, None]

        def take(leaf: np.ndarray) -> np.ndarray:
            places = index.reshape(*index.shape, *[1] * (leaf.ndim - 2))
            return np.take_along_axis(leaf, places, 1)

        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return Replicates(**jax.tree.map(take, fields))


def refit(
    model: Model,
    plan: Plan,
    algorithm: EM,
    ways: Ways,
    starts: dict[str, np.ndarray],
    weights: np.ndarray,
    *,
    rows: Data | None = None,
    tolerance: float = 1e-8,
    max_steps: int = 1000,
) -> Replicates:
    """Fit every replicate from every start.

    Where the data were replaced, so they are here; the ends are then looked at with the log joint
    at every row, and if that differs the work goes on with every row.

    Args:
        model: The declared model.
        plan: Its plan.
        algorithm: What was run.
        ways: The data, and what replaces them.
        starts: Parameters by dotted name, leaves (B, R, ...).
        weights: Weights of the rows of `ways`, (B, n); of chains, equal within a sequence.
        rows: Rows of each replicate in place of those of `ways`, leaves (B, n, ...).
        tolerance: Nats that may be left to gain.
        max_steps: Limit of steps.
    """
    lanes = int(np.prod(next(iter(starts.values())).shape[:2]))
    ready = _Ready(model, plan, algorithm, ways, weights, rows, lanes)
    products = ways.first == "product" and (rows is None or _has_features(ways))
    first = "product" if products else "direct"
    states = ready.run(first, starts, tolerance, max_steps)
    found = _collect(states)
    if first == "direct":
        return found
    right = ready.evidence(found.values)
    off = np.abs(right - found.log_likelihood) > _HARMLESS + 1e-9 * np.abs(right)
    if (off & found.usable).any():
        return _collect(ready.run("direct", found.values, tolerance, max_steps))
    return found


class _Ready:
    """Data and programs of one batch of replicates."""

    def __init__(
        self,
        model: Model,
        plan: Plan,
        algorithm: EM,
        ways: Ways,
        weights: np.ndarray,
        rows: Data | None,
        lanes: int,
    ):
        self._model, self._plan, self._ways, self._lanes = model, plan, ways, lanes
        self._weights, self._rows = weights.astype(ways.weights.dtype), rows
        function = _replicate_function(model, plan, algorithm)
        self._chunk = plan.program(("replicates", algorithm), function)
        self._evidence = plan.program(("replicates' evidence",), _evidence_function(model))

    def run(self, path: str, starts: dict[str, Any], tolerance: float, max_steps: int) -> State:
        """Run all of them to their ends on one path; NumPy leaves (B, R, ...)."""
        source, own = self._source(path)
        count = len(self._weights)
        flat = {k: np.asarray(v).reshape(-1, *v.shape[2:]) for k, v in starts.items()}
        states = first_states(
            {k: v.astype(self._weights.dtype) for k, v in flat.items()}, self._model.latent.cells
        )
        states = jax.tree.map(lambda leaf: leaf.reshape(count, -1, *leaf.shape[1:]), states)
        dtype = self._weights.dtype
        controls = Controls(jnp.asarray(tolerance, dtype), jnp.asarray(max_steps, jnp.int32))
        for _ in range(max_steps // CHUNK + 2):
            states = self._chunk(states, own, source, controls)
            if not np.any(np.asarray(states.status) == Status.RUNNING):
                break
        return jax.tree.map(np.asarray, states)

    def evidence(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Log likelihood of parameters (B, R, ...), by the log joint at every row, (B, R)."""
        source, own = self._source("direct")
        return np.asarray(self._evidence(values, own, source), float)

    def _source(self, path: str) -> tuple[Source, Own]:
        cells = self._model.latent.cells
        source = self._ways.source(path, cells, self._lanes)
        blocks = source.batch.weights.shape
        if self._ways.sequences is not None:
            order = in_order(self._ways.sequences, cells * self._lanes)
            weights = self._weights[:, order.index] * order.exists
            rows = None
        else:
            there = np.arange(blocks[0] * blocks[1]).reshape(blocks) < self._weights.shape[1]
            weights = _cut(self._weights, blocks) * there
            rows = jax.tree.map(lambda leaf: jnp.asarray(_cut(leaf, blocks)), self._rows)
        own = Own(jnp.asarray(weights, self._weights.dtype), None, rows)
        if not isinstance(source, Anchored):
            return source, own
        return source, own._replace(beyond=jnp.asarray(self._beyond(), self._weights.dtype))

    def _beyond(self) -> np.ndarray:
        """What the log joint of the rows has beyond the space of the anchors, (B,)."""
        found, weights = self._ways.found, self._weights.astype(float)
        assert isinstance(found, Anchors)
        if self._rows is None:
            return weights @ found.references
        fixed = {k: self._model.parameter(k).floored(v) for k, v in self._model.fixed.items()}
        every = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), self._rows)
        tables = self._plan.tables.blocks({**fixed, **self._plan.home}, every)
        references = np.concatenate([table[:, 0] for table in tables])
        return (weights * references.reshape(weights.shape)).sum(1)


def _has_features(ways: Ways) -> bool:
    """Whether what replaces the data can be made of rows that were not there."""
    return isinstance(ways.found, Anchors) and ways.found.features is not None


def _cut(leaf: np.ndarray, blocks: tuple[int, ...]) -> np.ndarray:
    """Rows (B, n, ...) in blocks (B, blocks, size, ...), filled with copies of the first."""
    places = np.arange(blocks[0] * blocks[1])
    order = np.where(places < leaf.shape[1], places, 0)
    return leaf[:, order].reshape(len(leaf), *blocks, *leaf.shape[2:])


def _replicate_function(model: Model, plan: Plan, algorithm: EM):
    between = between_of(model)

    def chunk(states: State, own: Own, source: Source, controls: Controls) -> State:
        def one(states: State, own: Own) -> State:
            mine = _with(source, own)

            def step(values):
                return algorithm.step(model, plan, values, mine)

            trusted = algorithm.m_step.trusted
            return run_chunk(step, between, trusted, mine.rows, states, controls)

        return jax.vmap(one)(states, own)

    return chunk


def _evidence_function(model: Model):
    def all_of(values, own: Own, source: Source):
        def one(values, own: Own):
            mine = _with(source, own)
            found = evidence(model, values, mine)
            return weighted(found, unit_weights(mine)).sum()

        return jax.vmap(jax.vmap(one, in_axes=(0, None)))(values, own)

    return all_of


def _with(source: Source, own: Own) -> Source:
    """The shared data with what one replicate has of its own."""
    source = eqx.tree_at(lambda s: s.batch.weights, source, own.weights)
    if own.beyond is not None:
        source = eqx.tree_at(lambda s: s.beyond, source, own.beyond)
    if own.rows is not None:
        source = eqx.tree_at(lambda s: s.batch.rows, source, own.rows)
    return source


def _collect(states: State) -> Replicates:
    status = np.where(states.status == Status.RUNNING, Status.STEP_LIMIT, states.status)
    return Replicates(
        values=dict(states.previous),
        objective=np.asarray(states.objective, float),
        log_likelihood=np.asarray(states.evidence, float),
        status=status,
        steps=np.maximum(states.steps, 0),
    )


def every_row(
    model: Model, plan: Plan, algorithm: EM, data: Data, sequences: Sequences | None
) -> Ways:
    """The paths through rows of which none is merged or left out."""
    ones = np.ones(row_count(data), jnp.result_type(float))
    if sequences is not None:
        return find_ways(model, plan, algorithm, data, ones, 1, sequences)
    found: Anchors | Refused = Refused("an M-step that a person wrote reads every row")
    if not algorithm.m_step.reads_rows:
        found = replace_data(plan, model, data)
    path = "direct" if isinstance(found, Refused) else "product"
    return Ways(data, ones, len(ones), found, path)
