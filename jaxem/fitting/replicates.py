"""Many refits of one model at once, each with weights, or with rows, of its own.

A fit shares its data among restarts. Here the loop itself is mapped over lanes with data of their
own: what they share (rows, features, anchors) is there once, what they do not is one more axis.
Lanes differ much in how many steps they need, and a batch that waits for its slowest wastes most of
its work; so all lanes wait in a queue, and a few passes at a time are made by as many of those that
still run as fill the machine. That is one program, whatever the number of lanes.

Refits are made to compare, not to be reported one by one: they have statuses, no certificates.
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
from jaxem.fitting.loop import Controls, State, first_states, run_chunk
from jaxem.fitting.path import Ways, find_ways
from jaxem.fitting.restarts import between_of
from jaxem.likelihood.units import evidence, unit_weights
from jaxem.model import Model
from jaxem.model.sequences import Sequences
from jaxem.numerics.logspace import weighted
from jaxem.numerics.rows import row_count
from jaxem.status import Status
from jaxem.types import Array, Data

#: Log factors of a pass that outweigh what a pass costs besides.
_ENTRIES = 2**14

#: A GPU is given so many times as much, to fill it.
_GPU = 64

#: Passes that a group of lanes makes before it is filled up again.
_PASSES = 2

#: Groups that one call of the compiled program lets run.
_GROUPS = 500

#: Replicates that are looked at together, in the end.
_AT_ONCE = 16

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
    ready = _Ready(model, plan, algorithm, ways, weights, rows)
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
    ):
        self._model, self._plan, self._ways = model, plan, ways
        self._weights, self._rows = weights.astype(ways.weights.dtype), rows
        function = _replicate_function(model, plan, algorithm)
        self._chunk = plan.program(("replicates", algorithm), function)
        self._evidence = plan.program(("replicates' evidence",), _evidence_function(model))

    def run(self, path: str, starts: dict[str, Any], tolerance: float, max_steps: int) -> State:
        """Run all of them to their ends on one path; NumPy leaves (B, R, ...)."""
        dtype = self._weights.dtype
        shape = next(iter(starts.values())).shape[:2]
        lanes = shape[0] * shape[1]
        flat = {k: np.asarray(v, dtype).reshape(lanes, *v.shape[2:]) for k, v in starts.items()}
        states = first_states(flat, self._model.latent.cells)
        owner = np.repeat(np.arange(shape[0]), shape[1])
        width = self._width(lanes)
        source, own = self._source(path, width)
        controls = Controls(jnp.asarray(tolerance, dtype), jnp.asarray(max_steps, jnp.int32))
        queue = jnp.arange(width)
        while np.any(np.asarray(states.status) == Status.RUNNING):
            states = self._chunk(states, owner, queue, own, source, controls)
        return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(*shape, *leaf.shape[1:]), states)

    def _width(self, lanes: int) -> int:
        """How many lanes make a pass together."""
        scale = 1 if jax.default_backend() == "cpu" else _GPU
        entries = row_count(self._ways.rows) * self._model.latent.cells
        return min(lanes, max(8, _ENTRIES * scale // entries))

    def evidence(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Log likelihood of parameters (B, R, ...), by the log joint at every row, (B, R)."""
        source, own = self._source("direct", 1)
        return np.asarray(self._evidence(values, own, source), float)

    def _source(self, path: str, lanes: int) -> tuple[Source, Own]:
        cells = self._model.latent.cells
        source = self._ways.source(path, cells, lanes)
        blocks = source.batch.weights.shape
        if self._ways.sequences is not None:
            order = in_order(self._ways.sequences, cells * lanes)
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

    def one(state: State, own: Own, source: Source, controls: Controls) -> State:
        mine = _with(source, own)

        def step(values):
            return algorithm.step(model, plan, values, mine)

        trusted = algorithm.m_step.trusted
        alone = jax.tree.map(lambda leaf: leaf[None], state)
        moved = run_chunk(step, between, trusted, mine.rows, alone, controls, _PASSES)
        return jax.tree.map(lambda leaf: leaf[0], moved)

    def chunk(
        states: State, owner: Array, queue: Array, own: Own, source: Source, controls: Controls
    ) -> State:
        """Let groups of those that still run, the first in line, make a few passes each."""

        def unfinished(carry):
            count, states = carry
            return (count < _GROUPS) & jnp.any(states.status == Status.RUNNING)

        def group(carry):
            count, states = carry
            line = jnp.argsort(states.status != Status.RUNNING, stable=True)[queue]
            some = jax.tree.map(lambda leaf: leaf[line], states)
            theirs = jax.tree.map(lambda leaf: leaf[owner[line]], own)
            moved = jax.vmap(one, in_axes=(0, 0, None, None))(some, theirs, source, controls)
            return count + 1, jax.tree.map(lambda a, b: a.at[line].set(b), states, moved)

        return jax.lax.while_loop(unfinished, group, (0, states))[1]

    return chunk


def _evidence_function(model: Model):
    def all_of(values, own: Own, source: Source):
        def one(values, own: Own):
            mine = _with(source, own)
            found = evidence(model, values, mine)
            return weighted(found, unit_weights(mine)).sum()

        def starts_of(replicate):
            return jax.vmap(one, in_axes=(0, None))(*replicate)

        return jax.lax.map(starts_of, (values, own), batch_size=_AT_ONCE)

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
