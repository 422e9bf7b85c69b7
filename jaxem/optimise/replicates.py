"""Many refits of one model at once, each with weights, or with rows, of its own.

A fit shares its data among restarts. Here the loop is mapped over replicates with data of their
own: what they share (rows, features, anchors) is there once, what they do not is one more axis.
Refits are made to compare, not to be reported one by one: they have statuses, no certificates.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.data.own import Own, OwnData, with_own
from jaxem.data.ways import Ways
from jaxem.estep.source import Source
from jaxem.likelihood.units import evidence, unit_weights
from jaxem.model import Model
from jaxem.numerics.logspace import weighted
from jaxem.numerics.rows import row_count
from jaxem.optimise.loop import Controls
from jaxem.optimise.queue import group_size, queue_function
from jaxem.optimise.race import Race, leave_behind
from jaxem.optimise.state import State, first_states
from jaxem.status import Status
from jaxem.types import Data

#: Replicates that are looked at together, in the end.
_AT_ONCE = 16

#: Nats by which products may differ from the log joint at every row.
_HARMLESS = 1e-5


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

    def first_status(self) -> list[Status]:
        """How the first start of each replicate ended; of `best`, the best one."""
        return [Status(int(code)) for code in self.status[:, 0]]

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
    algorithm: Algorithm,
    ways: Ways,
    starts: dict[str, np.ndarray],
    weights: np.ndarray,
    *,
    rows: Data | None = None,
    tolerance: float = 1e-8,
    max_steps: int = 1000,
    race: Race | None = None,
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
        race: When starts of a replicate are left behind, or None.
    """
    data = OwnData(model, plan, ways, weights, rows)
    entries = row_count(ways.rows) * model.latent.cells
    queue = plan.program(("steps of replicates", algorithm), queue_function(model, plan, algorithm))
    runner = _Runner(data, algorithm, queue, entries, tolerance, max_steps, race)
    found = runner.run(data.path, model, starts)
    if data.path == "direct":
        return found
    look = plan.program(("evidence of replicates",), _look_function(model))
    source, own = data.source("direct", 1)
    right = np.asarray(look(found.values, own, source), float)
    off = np.abs(right - found.log_likelihood) > _HARMLESS + 1e-9 * np.abs(right)
    return runner.run("direct", model, found.values) if (off & found.usable).any() else found


@dataclasses.dataclass(frozen=True, eq=False)
class _Runner:
    """A compiled queue and its data.

    Attributes:
        data: The data.
        algorithm: What is run.
        queue: The program.
        entries: Log factors of one replicate.
        tolerance: See `refit`.
        max_steps: See `refit`.
        race: See `refit`.
    """

    data: OwnData
    algorithm: Algorithm
    queue: Any
    entries: int
    tolerance: float
    max_steps: int
    race: Race | None

    def run(self, path: str, model: Model, starts: dict[str, Any]) -> Replicates:
        """Run all replicates from their starts, leaves (B, R, ...), to their ends on one path."""
        dtype = jnp.result_type(float)
        shape = next(iter(starts.values())).shape[:2]
        replicates = shape[0] * shape[1]
        flat = {
            k: np.asarray(v, dtype).reshape(replicates, *v.shape[2:]) for k, v in starts.items()
        }
        memory = self.algorithm.memory(model, np.dtype(dtype))
        states = first_states(flat, memory, model.latent.cells)
        owner = np.repeat(np.arange(shape[0]), shape[1])
        width = group_size(replicates, self.entries)
        source, own = self.data.source(path, width)
        line = jnp.arange(width)

        def until(states: State, most: int) -> State:
            steps = jnp.asarray(most, jnp.int32)
            controls = Controls(jnp.asarray(self.tolerance, dtype), steps, jnp.zeros((), dtype))
            while np.any(np.asarray(states.status) == Status.RUNNING):
                states = self.queue(states, owner, line, own, source, controls)
            return states

        if self.race is not None:
            states = until(states, min(self.race.after, self.max_steps))
            states = self._leave_behind(states, shape, self.race.kept)
        states = until(states, self.max_steps)
        shaped = jax.tree.map(
            lambda leaf: np.asarray(leaf).reshape(*shape, *leaf.shape[1:]), states
        )
        return _collect(shaped)

    def _leave_behind(self, states: State, shape: tuple[int, int], kept: int) -> State:
        """The middle of a race, in each replicate by itself."""
        status, steps = np.array(states.status), np.asarray(states.steps)
        short = (status == Status.STEP_LIMIT) & (steps < self.max_steps)
        status = np.where(short, Status.RUNNING, status).reshape(shape)
        heights = np.asarray(states.objective).reshape(shape)
        ends = [leave_behind(kept, h, s) for h, s in zip(heights, status, strict=True)]
        return states._replace(status=np.concatenate(ends).astype(np.int32))


def _look_function(model: Model):
    """Log likelihood of parameters (B, R, ...), by the log joint at every row, (B, R)."""

    def all_of(values, own: Own, source: Source):
        def one(values, own: Own):
            mine = with_own(source, own)
            found = evidence(model, values, mine)
            return weighted(found, unit_weights(mine)).sum()

        def starts_of(replicate):
            return jax.vmap(one, in_axes=(0, None))(*replicate)

        return jax.lax.map(starts_of, (values, own), batch_size=_AT_ONCE)

    return all_of


def _collect(states: State) -> Replicates:
    return Replicates(
        values={name: np.asarray(leaf) for name, leaf in states.previous.items()},
        objective=np.asarray(states.objective, float),
        log_likelihood=np.asarray(states.evidence, float),
        status=np.asarray(states.status),
        steps=np.maximum(states.steps, 0),
    )
