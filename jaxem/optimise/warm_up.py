"""The loop of warm-up steps: every step is accepted, whatever its objective.

A warm-up gives a start for every restart; the monotone loop evaluates it, and runs on from it or
stops there. All restarts take the same number of steps, in one compiled program; temperatures, keys
and numbers of steps are traced.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm import WarmUp
from jaxem.data.fit_data import FitData
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.model.prior import Parameter
from jaxem.numerics.keys import as_key, generator
from jaxem.optimise.perturb import perturb
from jaxem.optimise.runs import Progress
from jaxem.optimise.state import CHUNK, Values
from jaxem.optimise.warmed import WarmedUp
from jaxem.optimise.watch import Guards
from jaxem.status import Status
from jaxem.types import Array


class Track(NamedTuple):
    """The state of one restart in its warm-up.

    Attributes:
        candidate: The parameters that the next step evaluates.
        last_finite: The last parameters with a finite objective.
        objective: The objective of ``last_finite``.
        best: The parameters with the highest objective.
        highest: The objective of ``best``.
        mean: Mean of the parameters since averaging began.
        averaged: Number of parameters in ``mean``.
        trace: Objectives of a chunk of steps, (CHUNK,).
    """

    candidate: Values
    last_finite: Values
    objective: Array
    best: Values
    highest: Array
    mean: Values
    averaged: Array
    trace: Array


class Turn(NamedTuple):
    """One chunk of steps; traced.

    Attributes:
        inverse_temperature: The inverse temperature of all steps of the chunk.
        first: The number of the first step.
        count: Number of steps, at most `CHUNK`.
        average_from: The number of the step from which parameters are averaged.
    """

    inverse_temperature: Array
    first: Array
    count: Array
    average_from: Array


def warm_up(
    model: Model,
    plan: Plan,
    policy: WarmUp,
    fit_data: FitData,
    starts: dict[str, np.ndarray],
    guards: Guards,
    *,
    key: Any,
    max_steps: int,
    time_limit: float | None,
    report: Callable[[Progress], None],
) -> WarmedUp:
    """Warm up from every start; Ctrl-C ends it after the last whole chunk.

    Args:
        model: The declared model.
        plan: What the algebra found.
        policy: The warm-up.
        fit_data: The data.
        starts: Parameters by dotted name, stacked over restarts.
        guards: Checks of restarts on replaced data.
        key: An int or a JAX key; every restart and every step has its own, made from it.
        max_steps: Limit of steps.
        time_limit: Seconds, or None.
        report: Called between chunks.
    """
    restarts = len(next(iter(starts.values())))
    function = warm_up_function(model, plan, policy)
    program = plan.program(("warm-up", policy.signature), function)
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(as_key(key), jnp.arange(restarts))
    track = _begin(model, starts)
    generators = [generator(keys[restart]) for restart in range(restarts)]
    path, began = fit_data.first, time.monotonic()
    pieces: list[np.ndarray] = [np.zeros((restarts, 0))]
    changes, ended = [], Status.RUNNING
    try:
        for turn, last in _turns(policy, max_steps, fit_data.weights.dtype):
            source = fit_data.source(path, model.latent.configurations, restarts)
            track = jax.block_until_ready(program(track, keys, source, turn))
            pieces.append(np.asarray(track.trace)[:, : int(turn.count)])
            done = int(turn.first + turn.count)
            report(Progress(done, max_steps, restarts, restarts, float(np.max(track.highest))))
            target = _watched(guards, track, path, done)
            if target != path:
                changes.append(
                    f"all restarts, step {done}: {path} to {target}: {policy.description}"
                )
                track = track._replace(highest=jnp.full_like(track.highest, -jnp.inf))
            path = target
            if time_limit is not None and time.monotonic() - began > time_limit:
                ended = Status.TIME_LIMIT
                break
            if last and policy.perturbs:
                track = track._replace(candidate=perturb(model, plan, track.candidate, generators))
        else:
            if max_steps < sum(count for _, count in policy.stages):
                ended = Status.STEP_LIMIT
    except KeyboardInterrupt:
        if len(pieces) == 1:
            raise
        ended = Status.INTERRUPTED
    return WarmedUp(
        _starts(model, policy, track),
        np.concatenate(pieces, axis=1),
        ended,
        policy.runs_on,
        policy.description,
        time.monotonic() - began,
        tuple(changes),
    )


def warm_up_function(model: Model, plan: Plan, policy: WarmUp) -> Any:
    """The program of one chunk, for a plan to compile."""

    def one(track: Track, key: Array, source: Source, turn: Turn, number: Array) -> Track:
        key = jax.random.fold_in(key, number)
        beta = turn.inverse_temperature
        step = policy.warm_up_step(model, plan, track.candidate, source, key, beta)
        objective = step.evidence + step.log_prior
        finite = jnp.isfinite(objective)
        last_finite = _where(finite, track.candidate, track.last_finite)
        last_objective = jnp.where(finite, objective, track.objective)
        better = finite & (objective > track.highest)
        share = (finite & (number >= turn.average_from)).astype(objective.dtype)
        averaged = track.averaged + share
        share = share / jnp.maximum(averaged, 1.0)
        flat = _flatten(model, last_finite)
        return Track(
            candidate=_where(finite, step.image, last_finite),
            last_finite=last_finite,
            objective=last_objective,
            best=_where(better, track.candidate, track.best),
            highest=jnp.where(better, objective, track.highest),
            mean={k: mean + share * (flat[k] - mean) for k, mean in track.mean.items()},
            averaged=averaged,
            trace=track.trace.at[number - turn.first].set(last_objective),
        )

    def chunk(track: Track, keys: Array, source: Source, turn: Turn) -> Track:
        def step(carry):
            number, track = carry
            moved = jax.vmap(one, in_axes=(0, 0, None, None, None))
            return number + 1, moved(track, keys, source, turn, number)

        end = turn.first + turn.count
        return jax.lax.while_loop(lambda carry: carry[0] < end, step, (turn.first, track))[1]

    return chunk


def _turns(policy: WarmUp, max_steps: int, dtype: Any):
    """The chunks of all stages, each with whether it is the last of its stage."""
    total = sum(count for _, count in policy.stages)
    half = min(total, max_steps) // 2
    first = 0
    for beta, count in policy.stages:
        end = min(first + count, max_steps)
        while first < end:
            size = min(CHUNK, end - first)
            numbers = (jnp.asarray(n, jnp.int32) for n in (first, size, half))
            yield Turn(jnp.asarray(beta, dtype), *numbers), first + size == end
            first += size


def _begin(model: Model, starts: dict[str, np.ndarray]) -> Track:
    """The tracks of all restarts at their starts."""
    values = {name: jnp.asarray(value) for name, value in starts.items()}
    first = next(iter(values.values()))
    unknown = jnp.full(len(first), -jnp.inf, first.dtype)
    mean = jax.tree.map(jnp.zeros_like, jax.vmap(lambda v: _flatten(model, v))(values))
    trace = jnp.zeros((len(first), CHUNK), first.dtype)
    averaged = jnp.zeros_like(unknown)
    return Track(values, values, unknown, values, unknown, mean, averaged, trace)


def _watched(guards: Guards, track: Track, path: str, steps: int) -> str:
    """The path on which all restarts go on."""
    for restart in guards.choose(np.arange(len(track.objective))):
        values = {name: np.asarray(leaf[restart]) for name, leaf in track.last_finite.items()}
        path = guards.next_path(values, path, int(restart), steps)
    return path


def _starts(model: Model, policy: WarmUp, track: Track) -> dict[str, np.ndarray]:
    """The starts of the monotone loop, by dotted name, leaves (R, ...)."""
    if policy.answer == "last":
        chosen = track.candidate
    elif policy.answer == "best":
        chosen = track.best
    else:
        mean = {p.name: _unflatten(p, track.mean[p.name]) for p in model.parameters}
        chosen = jax.vmap(_where)(track.averaged > 0, mean, track.last_finite)
    return {name: np.array(value) for name, value in chosen.items()}


def _flatten(model: Model, values: Values) -> Values:
    """Parameters in coordinates whose means lie in the support: as they are if it is convex."""
    return {
        p.name: p.unconstrain(values[p.name]) if _is_curved(p) else values[p.name]
        for p in model.parameters
    }


def _unflatten(p: Parameter, mean: Array) -> Array:
    return jax.vmap(p.constrain)(mean) if _is_curved(p) else mean


def _is_curved(p: Parameter) -> bool:
    return not p.support.is_convex and p.fixed is None


def _where(condition: Array, a: Any, b: Any) -> Any:
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)
