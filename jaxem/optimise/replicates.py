"""Many refits of one model at once, each with weights, or with rows, of its own.

The loop is that of a fit, on restarts that have data of their own: the data that they share (rows,
features, anchors) are held once, their own data have one more axis. Replicates differ much in how
many steps they need, and a batch that waits for its slowest wastes most of its work. So replicates
queue, and those that still run take a few passes at a time, as many side by side as fill the
machine. Refits are made to compare, not to be reported one by one: they have statuses, no
certificates.
"""

import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.compiled.buckets import bucket, bucket_of_rows, filled
from jaxem.data.fit_data import FitData
from jaxem.data.own import OwnData, are_few
from jaxem.estep import EStep
from jaxem.initial import Setting
from jaxem.model import Model
from jaxem.numerics.rows import row_count
from jaxem.objective.exact import as_time_allows, exact_evidence, tolerated
from jaxem.optimise.loop import Controls
from jaxem.optimise.moves import chunk_function
from jaxem.optimise.race import Race, drop_losers
from jaxem.optimise.state import State, first_states, with_frozen
from jaxem.status import Status
from jaxem.types import Data

#: Log factors of a pass that take longer than the fixed cost of a pass.
_ENTRIES = 2**14

#: A GPU is given so many times as many, to fill it.
_GPU = 64

#: Passes that replicates make before those that have ended make room for others.
_PASSES = 8

#: A loop that is compiled for other numbers of restarts serves up to so many times as many as would
#: fill the machine, and so few that replicates wait in line for at most so many turns.
_LARGER, _TURNS = 4, 100


@dataclasses.dataclass(frozen=True, eq=False)
class Replicates:
    """All refits: B replicates, R starts each.

    Attributes:
        values: Parameters by dotted name, leaves (B, R, ...).
        objective: Log posterior, (B, R).
        log_likelihood: Log likelihood, (B, R).
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
        """The status of the first start of each replicate; of `best`, of the best one."""
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
    fit_data: FitData,
    starts: dict[str, np.ndarray],
    weights: np.ndarray,
    *,
    rows: Data | None = None,
    tolerance: float = 1e-8,
    max_steps: int = 1000,
    race: Race | None = None,
) -> Replicates:
    """Fit every replicate from every start.

    Where the fit ran on replaced data, so do the refits. Their log likelihoods are then compared
    with the log joint at every row, and if they differ the refits go on with every row.

    Args:
        model: The declared model.
        plan: Its plan.
        algorithm: The algorithm of the fit.
        fit_data: The data, and what replaces them.
        starts: Parameters by dotted name, leaves (B, R, ...).
        weights: Weights of the rows of `fit_data`, (B, n); of chains, equal within a sequence.
        rows: Rows of each replicate in place of those of `fit_data`, leaves (B, n, ...).
        tolerance: Nats that may remain to be gained.
        max_steps: Limit of steps.
        race: The race that the starts of each replicate run, or None.
    """
    data = OwnData(model, plan, fit_data, weights, rows)
    program = plan.program(
        ("steps", algorithm, False), chunk_function(model, plan, algorithm, finish=False)
    )
    queue = _Queue(model, plan, data, algorithm, program, tolerance, max_steps, race)
    began = time.monotonic()
    found = queue.run(data.path, starts)
    if data.path == "direct":
        return found
    setting = Setting(model, plan, fit_data.rows, fit_data.weights, fit_data.sequences)
    agree = _agrees(setting, algorithm.e_step, found, weights, rows, began)
    return found if agree else queue.run("direct", found.values)


def group_size(replicates: int, entries: int) -> int:
    """Number of replicates that make a pass together.

    Args:
        replicates: Number of all replicates.
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
    """Whether the log joint at every row gives the log likelihoods of the product path.

    As many replicates are compared as a tenth of the time of the refits allows.

    Args:
        setting: The model, its plan, and the rows that replicates share.
        e_step: How states are summed out.
        found: The refits.
        weights: Weights of each replicate, (B, n).
        rows: Rows of each replicate, leaves (B, n, ...), or None.
        began: When the refits began, in seconds.
    """
    count = row_count(setting.data)
    dtype = np.dtype(jnp.result_type(float))
    for b, r in as_time_allows(np.argwhere(found.usable), began):
        data = setting.data if rows is None else _take(rows, b)
        replicate = dataclasses.replace(setting, data=data, weights=weights[b])
        exact = exact_evidence(replicate, e_step, {k: v[b, r] for k, v in found.values.items()})
        if abs(exact - found.log_likelihood[b, r]) > tolerated(exact, count, dtype):
            return False
    return True


def _take(tree: Any, index: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[index], tree)


@dataclasses.dataclass(frozen=True, eq=False)
class _Queue:
    """A queue of replicates for one compiled loop.

    Attributes:
        model: The declared model.
        plan: Its plan.
        data: The data.
        algorithm: The algorithm.
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

        def advance(max_steps: int) -> None:
            numbers: Any = self.tolerance, 0, max_steps, _PASSES
            dtypes = dtype, dtype, np.int32, np.int32
            given: Any = map(np.asarray, numbers, dtypes)
            controls = Controls(*given)
            while (running := np.flatnonzero(states.status == Status.RUNNING)[:width]).size:
                group = with_frozen(_take(states, running), width)
                group_own = jax.tree.map(lambda leaf: filled(leaf[owner[running]], width), own)
                moved = self.program(*jax.device_put((group, group_own)), source, controls)
                for leaf, new in zip(jax.tree.leaves(states), jax.tree.leaves(moved), strict=True):
                    leaf[running] = np.asarray(new)[: len(running)]

        if self.race is not None:
            advance(min(self.race.after, self.max_steps))
            self._drop_losers(states, shape, self.race.kept)
        advance(self.max_steps)
        return _collect(jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), states))

    def _width(self, path: str, replicates: int) -> int:
        """Number of refits a pass: one that a loop is compiled for, if there is one near."""
        rows = self.data.rows
        size = group_size(replicates, rows * self.model.latent.configurations)
        same = self.algorithm, path, bucket_of_rows(rows)
        known = [bucket(size) for *program, size in self.plan.compiled if tuple(program) == same]
        near = [s for s in known if replicates / _TURNS <= s <= _LARGER * size and are_few(rows, s)]
        return max(near, default=size)

    def _drop_losers(self, states: State, shape: tuple[int, int], kept: int) -> None:
        """Drop the starts of each replicate that lose its race, and let the others run on."""
        short = (states.status == Status.STEP_LIMIT) & (states.steps < self.max_steps)
        status = np.where(short, Status.RUNNING, states.status).reshape(shape)
        heights = states.objective.reshape(shape)
        ends = [drop_losers(kept, h, s) for h, s in zip(heights, status, strict=True)]
        states.status[:] = np.concatenate(ends)


def _collect(states: State) -> Replicates:
    return Replicates(
        values={name: np.asarray(leaf) for name, leaf in states.accepted.items()},
        objective=np.asarray(states.objective, float),
        log_likelihood=np.asarray(states.evidence, float),
        status=np.asarray(states.status),
        steps=np.maximum(states.steps, 0),
    )
