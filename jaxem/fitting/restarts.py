"""Running a batch of restarts to its end, from the host."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm.em import EM
from jaxem.estep.batch import Batch, keeps_responsibilities
from jaxem.fitting.loop import Controls, State, first_states, run_chunk
from jaxem.model import Model
from jaxem.status import Status


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a progress callback is told between chunks.

    Attributes:
        steps: Steps of the restart that is farthest.
        max_steps: The limit.
        active: Restarts still running.
        restarts: All restarts.
        best: The best objective so far.
    """

    steps: int
    max_steps: int
    active: int
    restarts: int
    best: float


@dataclasses.dataclass(frozen=True)
class Runs:
    """How all restarts ended: arrays over restarts.

    Attributes:
        values: The parameters reached, by dotted name.
        proposals: Where the algorithm would have gone next.
        objective: Objective of ``values``.
        evidence: The part of it that the data make.
        status: How each ended, a `Status`.
        steps: Steps to ``values``.
        counts: Expected counts of the latent states there, (R, K).
        traces: Objective at the start and after each step.
    """

    values: dict[str, np.ndarray]
    proposals: dict[str, np.ndarray]
    objective: np.ndarray
    evidence: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    counts: np.ndarray
    traces: tuple[np.ndarray, ...]


def run_restarts(
    model: Model,
    plan: Plan,
    algorithm: EM,
    batch: Batch,
    starts: dict[str, Any],
    *,
    tolerance: float,
    max_steps: int,
    time_limit: float | None,
    report: Callable[[Progress], None],
) -> Runs:
    """Run every restart until it stops, the time is over, or somebody interrupts.

    Args:
        model: The declared model.
        plan: What the algebra found.
        algorithm: The algorithm.
        batch: The rows.
        starts: Parameters by dotted name, stacked over restarts.
        tolerance: See `stopping`.
        max_steps: Limit of steps.
        time_limit: Seconds, or None.
        report: Called between chunks.

    Returns:
        How they ended; after Ctrl-C the state after the last whole chunk.
    """
    lanes = next(iter(starts.values())).shape[0]
    keep = keeps_responsibilities(batch, model.latent.size, lanes)
    program = plan.program(
        ("chunk", algorithm, keep), _chunk_function(model, plan, algorithm, keep)
    )
    dtype = batch.weights.dtype
    controls = Controls(jnp.asarray(tolerance, dtype), jnp.asarray(max_steps, jnp.int32))
    states = jax.tree.map(jnp.asarray, first_states(starts, model.latent.size))
    pieces: list[np.ndarray] = []
    began = time.monotonic()
    ended_by = Status.RUNNING
    try:
        while True:
            new = jax.block_until_ready(program(states, batch, controls))
            pieces.append(np.asarray(new.trace))
            states = new
            active = int((np.asarray(states.status) == Status.RUNNING).sum())
            report(_progress(states, active, max_steps))
            if not active:
                break
            if time_limit is not None and time.monotonic() - began > time_limit:
                ended_by = Status.TIME_LIMIT
                break
    except KeyboardInterrupt:
        if not pieces:
            raise
        ended_by = Status.INTERRUPTED
    return _collect(states, pieces, ended_by)


def _chunk_function(model: Model, plan: Plan, algorithm: EM, keep: bool):
    def between(a, b):
        return {p.name: _midpoint(p, a[p.name], b[p.name]) for p in model.parameters}

    def chunk(states: State, batch: Batch, controls: Controls) -> State:
        def step(values):
            return algorithm.step(model, plan, values, batch, keep)

        rows = batch.weights.size
        return run_chunk(step, between, algorithm.m_step.trusted, rows, states, controls)

    return chunk


def _midpoint(p, a, b):
    """Half way; on the straight line where the support is known to be convex."""
    if p.kind != "other" or p.fixed is not None:
        return (a + b) / 2
    return p.constrain((p.unconstrain(a) + p.unconstrain(b)) / 2)


def _progress(states: State, active: int, max_steps: int) -> Progress:
    objective = np.asarray(states.objective)
    return Progress(
        steps=int(np.asarray(states.steps).max()),
        max_steps=max_steps,
        active=active,
        restarts=len(objective),
        best=float(np.max(objective)),
    )


def _collect(states: State, pieces: list[np.ndarray], ended_by: Status) -> Runs:
    status = np.asarray(states.status).copy()
    status[status == Status.RUNNING] = ended_by
    traces = np.concatenate(pieces, axis=1)
    return Runs(
        values={k: np.asarray(v) for k, v in states.previous.items()},
        proposals={k: np.asarray(v) for k, v in states.values.items()},
        objective=np.asarray(states.objective),
        evidence=np.asarray(states.evidence),
        status=status,
        steps=np.maximum(np.asarray(states.steps), 0),
        counts=np.asarray(states.counts),
        traces=tuple(row[~np.isnan(row)] for row in traces),
    )
