"""The one loop: a chunk of steps of any algorithm, for a batch of restarts at once.

The objective of parameters is known only after the E-step at them, so a pass of the loop first
judges the parameters that the pass before proposed and then moves on. That makes the reported
objective always the one of the reported parameters. A finished restart is frozen. The host calls
the loop a few dozen steps at a time.

An algorithm may extrapolate. An extrapolation that lowers the objective is not damped but refused:
the algorithm goes to the image of the last good point under the EM map, which is known and cannot
be worse; or extrapolates once more, less far. Only EM's own steps tell how far the optimum
is, so only they certify convergence; when an extrapolation gained little the loop takes a few of
them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxem.algorithm.algorithm import Proposal, Step
from jaxem.data.own import Own
from jaxem.optimise.state import CHUNK, State, Values
from jaxem.optimise.stopping import has_converged, left_to_gain, relative_change, rounding
from jaxem.status import Status
from jaxem.types import Array

_HALVINGS = 10
_QUIET = 60
_PLAIN = 2
_SHORTEST = 10

#: Standard deviations that rounding seldom exceeds in thousands of steps.
_OFTEN = 8.0


class Controls(NamedTuple):
    """When to stop; traced, so that another tolerance compiles nothing.

    Attributes:
        tolerance: See `stopping`.
        max_steps: Limit of steps.
        near: If positive, a run is done as soon as a step gains less, after `_SHORTEST` steps.
        passes: Passes that one call makes, at most `CHUNK`.
    """

    tolerance: Array
    max_steps: Array
    near: Array
    passes: Array


class Moves(NamedTuple):
    """What the loop asks of an algorithm, for one restart.

    Attributes:
        step: Parameters and memory to what the EM map finds there.
        propose: Memory, parameters that were judged good and their image, to a proposal.
        refuse: Memory and the image of the last good parameters to a proposal, after an
            extrapolation failed.
        between: Parameters half way between two.
        extrapolates: Whether proposals may be extrapolations.
        trusted: Whether a fall of the objective is damped (True) or ends the run.
    """

    step: Callable[[Values, Any], Step]
    propose: Callable[[Any, Values, Values], Proposal]
    refuse: Callable[[Any, Values], Proposal]
    between: Callable[[Values, Values], Values]
    extrapolates: bool
    trusted: bool


def run_chunk(
    moves_of: Callable[[Own | None], Moves],
    rows: int,
    states: State,
    own: Own | None,
    controls: Controls,
) -> State:
    """At most so many passes for every restart that still runs.

    Args:
        moves_of: The algorithm on the data of one restart.
        rows: Rows that the objective sums over, which tell what of it may be rounding.
        states: Stacked over restarts.
        own: What of the data each restart has for itself, stacked; None where all is shared.
        controls: When to stop.

    Returns:
        The new states.
    """

    def one(state: State, start: Array, own: Own | None) -> State:
        moves = moves_of(own)
        found = moves.step(state.values, state.memory)
        noise = rounding(found.evidence + found.log_prior, rows) + _OFTEN * found.rounding
        new = _judge(state, found, moves, controls, start, noise)
        running = state.status == Status.RUNNING
        return jax.tree.map(lambda a, b: jnp.where(running, a, b), new, state)

    start = states.steps
    states = states._replace(trace=jnp.full_like(states.trace, jnp.nan))

    def unfinished(carry):
        count, states = carry
        return (count < controls.passes) & jnp.any(states.status == Status.RUNNING)

    def iterate(carry):
        count, states = carry
        return count + 1, jax.vmap(one)(states, start, own)

    return jax.lax.while_loop(unfinished, iterate, (0, states))[1]


def _judge(
    state: State, found: Step, moves: Moves, controls: Controls, chunk_start: Array, noise
) -> State:
    """Accept the parameters that were judged, or step back from them."""
    objective = found.evidence + found.log_prior
    begun = state.steps >= 0
    bad = _outcome(objective, found)
    fell = begun & (objective < state.objective - noise)
    impossible = objective == -jnp.inf
    may_damp = moves.trusted & begun & (state.halvings < _HALVINGS)
    damp = may_damp & (fell | impossible)
    stop = jnp.where(impossible & ~begun, Status.IMPOSSIBLE, bad)
    given_up = Status.STALLED if moves.trusted else Status.OBJECTIVE_FELL
    stop = jnp.where((stop == 0) & (fell | impossible) & ~damp, given_up, stop)
    stop = jnp.where(damp, 0, stop).astype(jnp.int32)

    accepted = _accept(state, found, objective, moves, controls, chunk_start, noise)
    half = moves.between(state.previous, state.values)
    damped = state._replace(values=half, halvings=state.halvings + 1)
    stopped = state._replace(
        status=stop,
        previous=_where(begun, state.previous, state.values),
        steps=jnp.maximum(state.steps, 0),
    )
    judged = _where(damp, damped, _where(stop > 0, stopped, accepted))
    if not moves.extrapolates:
        return judged
    failed = state.extrapolated & ((bad > 0) | fell | impossible)
    return _where(failed, _retreat(state, moves, controls, chunk_start), judged)


def _retreat(state: State, moves: Moves, controls: Controls, chunk_start: Array) -> State:
    """From an extrapolation that failed to where the last good parameters lead."""
    proposal = moves.refuse(state.memory, state.image)
    steps = state.steps + 1
    over = steps >= controls.max_steps
    return state._replace(
        values=proposal.values,
        memory=proposal.memory,
        extrapolated=proposal.extrapolated,
        plain=jnp.zeros_like(state.plain),
        steps=steps,
        status=jnp.where(over, Status.STEP_LIMIT, Status.RUNNING).astype(jnp.int32),
        trace=state.trace.at[_place(steps, chunk_start)].set(state.objective),
    )


def _outcome(objective: Array, found: Step) -> Array:
    """The status of an objective that is NaN or +inf; 0 for any other."""
    infinite_prior = (found.log_prior == jnp.inf) & ~jnp.isnan(found.evidence)
    status = jnp.where(jnp.isnan(objective), Status.NON_FINITE, 0)
    status = jnp.where(found.evidence == jnp.inf, Status.DEGENERATE, status)
    return jnp.where(infinite_prior, Status.NO_INTERIOR_MODE, status)


def _accept(
    state: State,
    found: Step,
    objective: Array,
    moves: Moves,
    controls: Controls,
    chunk_start: Array,
    noise: Array,
) -> State:
    begun = state.steps >= 0
    gain = jnp.where(begun, objective - state.objective, jnp.inf)
    change = relative_change(state.values, state.previous)
    plain = jnp.where(state.extrapolated | ~begun, 0, state.plain + 1)
    last_gain = jnp.where(plain > 1, state.gain, jnp.inf)
    slowest = (
        _slowest(state.slowest, gain, last_gain, noise) if moves.extrapolates else state.slowest
    )
    still = has_converged(gain, last_gain, change, noise, controls.tolerance, slowest)
    slow = (controls.near > 0) & (gain < controls.near) & (state.steps + 1 >= _SHORTEST)
    done = begun & ((still & ~state.extrapolated) | slow)
    quiet = jnp.where(jnp.abs(gain) <= noise, state.quiet + 1, 0)
    steps = state.steps + 1
    status = jnp.where(steps >= controls.max_steps, Status.STEP_LIMIT, Status.RUNNING)
    status = jnp.where((quiet >= _QUIET) & (controls.tolerance > 0), Status.STALLED, status)
    status = jnp.where(done, Status.CONVERGED, status)
    little = (
        begun
        & state.extrapolated
        & (gain <= jnp.maximum(controls.tolerance, noise))
        & (controls.tolerance > 0)
    )
    rest = jnp.where(state.rest > 0, state.rest - 1, jnp.where(little, _PLAIN, 0))
    proposal = moves.propose(found.memory, state.values, found.image)
    extrapolated = proposal.extrapolated & (rest == 0)
    return State(
        values=_where(extrapolated, proposal.values, found.image),
        previous=state.values,
        image=found.image,
        memory=proposal.memory,
        extrapolated=extrapolated,
        objective=objective,
        evidence=found.evidence,
        counts=found.counts,
        gain=jnp.where(begun, gain, jnp.inf),
        plain=plain,
        rest=rest.astype(jnp.int32),
        slowest=slowest,
        steps=steps,
        halvings=jnp.zeros_like(state.halvings),
        quiet=quiet,
        status=status.astype(jnp.int32),
        trace=state.trace.at[_place(steps, chunk_start)].set(objective),
    )


def _slowest(so_far: Array, gain: Array, last_gain: Array, noise: Array) -> Array:
    """EM's rate does not improve because an extrapolation has hidden the slowest direction."""
    _, rate = left_to_gain(gain, last_gain)
    return jnp.where((gain > noise) & (rate < 1), jnp.maximum(so_far, rate), so_far)


def _place(steps: Array, chunk_start: Array) -> Array:
    return jnp.clip(steps - chunk_start - 1, 0, CHUNK - 1)


def _where(condition: Array, a, b):
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)
