"""The loop of warm-up steps: nothing is judged, the objective is written down as it is.

What comes out is a start for every restart: the ordinary loop judges it, and goes on from it or
stops there. All restarts make the same number of steps, in one compiled program; temperatures, keys
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
from jaxem.data.ways import Ways
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
    """One restart in its warm-up.

    Attributes:
        values: The parameters of the next step.
        previous: The last ones with a finite objective.
        objective: Theirs.
        best: Those with the highest objective.
        highest: Theirs.
        mean: Mean of the parameters since averaging began.
        averaged: Of how many.
        trace: Objectives of a chunk of steps.
    """

    values: Values
    previous: Values
    objective: Array
    best: Values
    highest: Array
    mean: Values
    averaged: Array
    trace: Array


class Turn(NamedTuple):
    """One chunk of steps; traced.

    Attributes:
        inverse_temperature: Of all of them.
        first: The number of the first.
        count: How many, at most `CHUNK`.
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
    ways: Ways,
    starts: dict[str, np.ndarray],
    guards: Guards,
    *,
    key: Any,
    max_steps: int,
    time_limit: float | None,
    report: Callable[[Progress], None],
) -> WarmedUp:
    """Warm up from every start; after Ctrl-C what the last whole chunk left.

    Args:
        model: The declared model.
        plan: What the algebra found.
        policy: The warm-up.
        ways: The data.
        starts: Parameters by dotted name, stacked over restarts.
        guards: Who looks at replaced data.
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
    path, began = ways.first, time.monotonic()
    pieces: list[np.ndarray] = [np.zeros((restarts, 0))]
    changes, ended = [], Status.RUNNING
    try:
        for turn, last in _turns(policy, max_steps, ways.weights.dtype):
            source = ways.source(path, model.latent.configurations, restarts)
            track = jax.block_until_ready(program(track, keys, source, turn))
            pieces.append(np.asarray(track.trace)[:, : int(turn.count)])
            done = int(turn.first + turn.count)
            report(Progress(done, max_steps, restarts, restarts, float(np.max(track.highest))))
            there = _watched(guards, track, path, done)
            if there != path:
                changes.append(
                    f"all restarts, step {done}: {path} to {there}: {policy.description}"
                )
                track = track._replace(highest=jnp.full_like(track.highest, -jnp.inf))
            path = there
            if time_limit is not None and time.monotonic() - began > time_limit:
                ended = Status.TIME_LIMIT
                break
            if last and policy.perturbs:
                track = track._replace(values=perturb(model, plan, track.values, generators))
        else:
            if max_steps < sum(count for _, count in policy.stages):
                ended = Status.STEP_LIMIT
    except KeyboardInterrupt:
        if len(pieces) == 1:
            raise
        ended = Status.INTERRUPTED
    return WarmedUp(
        _answer(model, policy, track),
        np.concatenate(pieces, axis=1),
        ended,
        policy.climbs,
        policy.description,
        time.monotonic() - began,
        tuple(changes),
    )


def warm_up_function(model: Model, plan: Plan, policy: WarmUp) -> Any:
    """The program of one chunk, for a plan to compile."""

    def one(track: Track, key: Array, source: Source, turn: Turn, number: Array) -> Track:
        key = jax.random.fold_in(key, number)
        beta = turn.inverse_temperature
        found = policy.warm_up_step(model, plan, track.values, source, key, beta)
        objective = found.evidence + found.log_prior
        sane = jnp.isfinite(objective)
        previous = _where(sane, track.values, track.previous)
        here = jnp.where(sane, objective, track.objective)
        better = sane & (objective > track.highest)
        share = (sane & (number >= turn.average_from)).astype(objective.dtype)
        averaged = track.averaged + share
        share = share / jnp.maximum(averaged, 1.0)
        flat = _flatten(model, previous)
        return Track(
            values=_where(sane, found.image, previous),
            previous=previous,
            objective=here,
            best=_where(better, track.values, track.best),
            highest=jnp.where(better, objective, track.highest),
            mean={k: mean + share * (flat[k] - mean) for k, mean in track.mean.items()},
            averaged=averaged,
            trace=track.trace.at[number - turn.first].set(here),
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
    """Chunks of steps, each with whether it is the last of its stage."""
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
    values = {name: jnp.asarray(value) for name, value in starts.items()}
    first = next(iter(values.values()))
    none = jnp.full(len(first), -jnp.inf, first.dtype)
    mean = jax.tree.map(jnp.zeros_like, jax.vmap(lambda v: _flatten(model, v))(values))
    trace = jnp.zeros((len(first), CHUNK), first.dtype)
    return Track(values, values, none, values, none, mean, jnp.zeros_like(none), trace)


def _watched(guards: Guards, track: Track, path: str, steps: int) -> str:
    """The path on which all restarts go on."""
    for restart in guards.choose(np.arange(len(track.objective))):
        values = {name: np.asarray(leaf[restart]) for name, leaf in track.previous.items()}
        path = guards.next_path(values, path, int(restart), steps)
    return path


def _answer(model: Model, policy: WarmUp, track: Track) -> dict[str, np.ndarray]:
    if policy.answer == "last":
        chosen = track.values
    elif policy.answer == "best":
        chosen = track.best
    else:
        mean = {p.name: _unflatten(p, track.mean[p.name]) for p in model.parameters}
        chosen = jax.vmap(_where)(track.averaged > 0, mean, track.previous)
    return {name: np.array(value) for name, value in chosen.items()}


def _flatten(model: Model, values: Values) -> Values:
    """Where means of parameters lie in the support: as they are, where that is convex."""
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
