"""Many refits of one model at once, each with weights, or with rows, of its own.

The loop is that of a fit, on restarts that have data of their own: what they share (rows, features,
anchors) is there once, what they do not is one more axis. Replicates differ much in how many steps
they need, and a batch that waits for its slowest wastes most of its work. So all wait in line, and
a few passes at a time are made by as many of those that still run as fill the machine.
Refits are made to compare, not to be reported one by one: they have statuses, no certificates.
"""

import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.compiled.buckets import bucket, filled
from jaxem.data.own import OwnData, are_few
from jaxem.data.ways import Ways
from jaxem.estep import EStep
from jaxem.initial import Setting
from jaxem.model import Model
from jaxem.numerics.rows import row_count
from jaxem.objective.exact import as_time_allows, exact_evidence, tolerated
from jaxem.optimise.loop import Controls
from jaxem.optimise.moves import chunk_function
from jaxem.optimise.race import Race, leave_behind
from jaxem.optimise.state import State, first_states, with_frozen
from jaxem.status import Status
from jaxem.types import Data

#: Log factors of a pass that outweigh what a pass costs besides.
_ENTRIES = 2**14

#: A GPU is given so many times as much, to fill it.
_GPU = 64

#: Passes that replicates make before those that have ended make room for others.
_PASSES = 8

#: A loop that is compiled for other numbers of restarts serves up to so many times as many as would
#: fill the machine, and so few that replicates wait in line for at most so many turns.
_LARGER, _TURNS = 4, 100


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
    program = plan.program(
        ("steps", algorithm, False), chunk_function(model, plan, algorithm, finish=False)
    )
    line = _Line(model, plan, data, algorithm, program, tolerance, max_steps, race)
    began = time.monotonic()
    found = line.run(data.path, starts)
    if data.path == "direct":
        return found
    setting = Setting(model, plan, ways.rows, ways.weights, ways.sequences)
    agree = _agrees(setting, algorithm.e_step, found, weights, rows, began)
    return found if agree else line.run("direct", found.values)


def group_size(replicates: int, entries: int) -> int:
    """How many replicates make a pass together.

    Args:
        replicates: All of them.
        entries: Log factors of one replicate.
    """
    scale = 1 if jax.default_backend() == "cpu" else _GPU
    return bucket(min(replicates, max(8, _ENTRIES * scale // entries)))


def _agrees(
    setting: Setting,
    e_step: EStep,
    found: Replicates,
    weights: np.ndarray,
    rows: Data | None,
    began: float,
) -> bool:
    """Whether the log joint at every row gives the log likelihoods that products gave.

    As many replicates are looked at as a tenth of the time of the refits allows.

    Args:
        setting: The model, its plan, and the rows that replicates share.
        e_step: How states are summed out.
        found: How the refits ended.
        weights: Weights of each replicate, (B, n).
        rows: Rows of each, leaves (B, n, ...), or None.
        began: When the refits began, in seconds.
    """
    count = row_count(setting.data)
    dtype = np.dtype(jnp.result_type(float))
    for b, r in as_time_allows(np.argwhere(found.usable), began):
        data = setting.data if rows is None else _take(rows, b)
        mine = dataclasses.replace(setting, data=data, weights=weights[b])
        right = exact_evidence(mine, e_step, {k: v[b, r] for k, v in found.values.items()})
        if abs(right - found.log_likelihood[b, r]) > tolerated(right, count, dtype):
            return False
    return True


def _take(tree: Any, index: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[index], tree)


@dataclasses.dataclass(frozen=True, eq=False)
class _Line:
    """Replicates that wait in line for a compiled loop.

    Attributes:
        model: The declared model.
        plan: Its plan.
        data: The data.
        algorithm: What is run.
        program: The loop, compiled.
        tolerance: See `refit`.
        max_steps: See `refit`.
        race: See `refit`.
    """

    model: Model
    plan: Plan
    data: OwnData
    algorithm: Algorithm
    program: Any
    tolerance: float
    max_steps: int
    race: Race | None

    def run(self, path: str, starts: dict[str, Any]) -> Replicates:
        """Run all replicates from their starts, leaves (B, R, ...), to their ends on one path."""
        dtype = jnp.result_type(float)
        shape = next(iter(starts.values())).shape[:2]
        flat = {k: np.asarray(v, dtype).reshape(-1, *v.shape[2:]) for k, v in starts.items()}
        memory = self.algorithm.memory(self.model, np.dtype(dtype))
        states = first_states(flat, memory, self.model.latent.configurations)
        states = jax.tree.map(np.array, states)
        width = self._width(path, len(states.status))
        source, own = self.data.source(path, width)
        owner = np.repeat(np.arange(shape[0]), shape[1])

        def until(most: int) -> None:
            numbers: Any = self.tolerance, most, 0, _PASSES
            kinds = dtype, np.int32, dtype, np.int32
            given: Any = map(np.asarray, numbers, kinds)
            controls = Controls(*given)
            while (running := np.flatnonzero(states.status == Status.RUNNING)[:width]).size:
                some = with_frozen(_take(states, running), width)
                theirs = jax.tree.map(lambda leaf: filled(leaf[owner[running]], width), own)
                moved = self.program(*jax.device_put((some, theirs)), source, controls)
                for leaf, new in zip(jax.tree.leaves(states), jax.tree.leaves(moved), strict=True):
                    leaf[running] = np.asarray(new)[: len(running)]

        if self.race is not None:
            until(min(self.race.after, self.max_steps))
            self._leave_behind(states, shape, self.race.kept)
        until(self.max_steps)
        return _collect(jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), states))

    def _width(self, path: str, replicates: int) -> int:
        """How many make a pass together: as many as a loop is compiled for, if that is near."""
        rows = self.data.rows
        size = group_size(replicates, rows * self.model.latent.configurations)
        known = [bucket(s) for a, p, s in self.plan.compiled if (a, p) == (self.algorithm, path)]
        near = [s for s in known if replicates / _TURNS <= s <= _LARGER * size and are_few(rows, s)]
        return max(near, default=size)

    def _leave_behind(self, states: State, shape: tuple[int, int], kept: int) -> None:
        """The middle of a race, in each replicate by itself."""
        short = (states.status == Status.STEP_LIMIT) & (states.steps < self.max_steps)
        status = np.where(short, Status.RUNNING, states.status).reshape(shape)
        heights = states.objective.reshape(shape)
        ends = [leave_behind(kept, h, s) for h, s in zip(heights, status, strict=True)]
        states.status[:] = np.concatenate(ends)


def _collect(states: State) -> Replicates:
    return Replicates(
        values={name: np.asarray(leaf) for name, leaf in states.previous.items()},
        objective=np.asarray(states.objective, float),
        log_likelihood=np.asarray(states.evidence, float),
        status=np.asarray(states.status),
        steps=np.maximum(states.steps, 0),
    )
