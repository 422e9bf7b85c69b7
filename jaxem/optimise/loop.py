"""The monotone loop: a chunk of steps of any algorithm, for a batch of restarts at once.

The objective of parameters is known only after the E-step at them. So a pass of the loop first
evaluates the candidate that the pass before proposed, accepts or refuses it, and then proposes the
next. That makes the reported objective always the one of the accepted parameters. A restart whose
status is not RUNNING is frozen. The host calls the loop a few dozen steps at a time.

An algorithm may extrapolate. An extrapolation that lowers the objective is not damped but refused:
the next candidate is the image of the accepted parameters under the EM map, whose objective is no
lower than theirs; or a shorter extrapolation. Only plain EM steps show EM's rate, so only they
certify convergence by the tolerance; when an extrapolation gained little the loop takes a few of
them. (A limit on the gain, `Controls.near`, may end a stage of a run after any step.)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxem.algorithm.algorithm import Proposal, Step
from jaxem.data.own import Own
from jaxem.optimise.state import LONG_CHUNK, State, Values
from jaxem.optimise.stopping import has_converged, relative_change, remaining_gain, rounding
from jaxem.status import Status
from jaxem.types import Array

#: Halvings of a step that lowers the objective, at most.
_HALVINGS = 10

#: Steps in a row that gain no more than rounding, after which a restart has stalled.
_STEPS_WITHIN_ROUNDING = 60

#: Plain EM steps that follow an extrapolation of little gain: two gains give a rate.
_FORCED_EM_STEPS = 2

#: Steps before `Controls.near` may end a run.
_SHORTEST = 10

#: Rounding is taken to be below this many standard deviations: the loop takes thousands of steps.
_ROUNDING_SIGMAS = 8.0


class Controls(NamedTuple):
    """When to stop; traced, so that another tolerance compiles nothing.

    Attributes:
        tolerance: See `stopping`.
        near: If positive, a run also ends as soon as a step of any kind gains less, in nats.
        max_steps: Limit of steps.
        passes: Passes that one call makes, at most `LONG_CHUNK`.
    """

    tolerance: Array
    near: Array
    max_steps: Array
    passes: Array


class Moves(NamedTuple):
    """An algorithm as the loop calls it, for one restart.

    Attributes:
        step: (parameters, memory) -> Step, the EM map evaluated at the parameters.
        propose: (memory, accepted, image) -> Proposal, the next candidate.
        refuse: (memory, image of the accepted parameters) -> Proposal, the next candidate after an
            extrapolation was refused.
        between: (a, b) -> parameters half way from a to b.
        extrapolates: Whether proposals may be extrapolations.
        backtracks: Whether a step that lowers the objective is halved (True) or ends the run.
    """

    step: Callable[[Values, Any], Step]
    propose: Callable[[Any, Values, Values], Proposal]
    refuse: Callable[[Any, Values], Proposal]
    between: Callable[[Values, Values], Values]
    extrapolates: bool
    backtracks: bool


def run_chunk(
    moves_of: Callable[[Own | None], Moves],
    rows: int,
    states: State,
    own: Own | None,
    controls: Controls,
) -> State:
    """The states after at most `Controls.passes` passes of every running restart.

    Args:
        moves_of: The algorithm on the data of one restart.
        rows: Rows that the objective sums over; they set the size of its rounding.
        states: Stacked over restarts.
        own: Data specific to one restart, such as bootstrap weights, stacked over restarts; None
            where all data are shared.
        controls: When to stop.

    Returns:
        The new states.
    """

    def one(state: State, chunk_start: Array, own: Own | None) -> State:
        moves = moves_of(own)
        step = moves.step(state.candidate, state.memory)
        noise = rounding(step.evidence + step.log_prior, rows) + _ROUNDING_SIGMAS * step.rounding
        new = _judge(state, step, moves, controls, chunk_start, noise)
        running = state.status == Status.RUNNING
        return jax.tree.map(lambda a, b: jnp.where(running, a, b), new, state)

    chunk_start = states.steps
    states = states._replace(trace=jnp.full_like(states.trace, jnp.nan))

    def any_running(carry):
        count, states = carry
        return (count < controls.passes) & jnp.any(states.status == Status.RUNNING)

    def iterate(carry):
        count, states = carry
        return count + 1, jax.vmap(one)(states, chunk_start, own)

    return jax.lax.while_loop(any_running, iterate, (0, states))[1]


def _judge(
    state: State, step: Step, moves: Moves, controls: Controls, chunk_start: Array, noise
) -> State:
    """The state after the candidate is accepted, halved, refused, or ends the run."""
    objective = step.evidence + step.log_prior
    begun = state.steps >= 0
    invalid_status = _invalid_status(objective, step)
    fell = begun & (objective < state.objective - noise)
    impossible = objective == -jnp.inf
    may_halve = moves.backtracks & begun & (state.halvings < _HALVINGS)
    halve = may_halve & (fell | impossible)
    final_status = jnp.where(impossible & ~begun, Status.IMPOSSIBLE, invalid_status)
    fallen_status = Status.STALLED if moves.backtracks else Status.OBJECTIVE_FELL
    final_status = jnp.where(
        (final_status == 0) & (fell | impossible) & ~halve, fallen_status, final_status
    )
    final_status = jnp.where(halve, 0, final_status).astype(jnp.int32)

    accepted = _accept(state, step, objective, moves, controls, chunk_start, noise)
    half = moves.between(state.accepted, state.candidate)
    halved = state._replace(candidate=half, halvings=state.halvings + 1)
    stopped = state._replace(
        status=final_status,
        accepted=_where(begun, state.accepted, state.candidate),
        steps=jnp.maximum(state.steps, 0),
    )
    judged = _where(halve, halved, _where(final_status > 0, stopped, accepted))
    if not moves.extrapolates:
        return judged
    failed = state.extrapolated & ((invalid_status > 0) | fell | impossible)
    return _where(failed, _refuse(state, moves, controls, chunk_start), judged)


def _refuse(state: State, moves: Moves, controls: Controls, chunk_start: Array) -> State:
    """The state after an extrapolation was refused; the accepted parameters stay."""
    proposal = moves.refuse(state.memory, state.image)
    steps = state.steps + 1
    over = steps >= controls.max_steps
    return state._replace(
        candidate=proposal.values,
        memory=proposal.memory,
        extrapolated=proposal.extrapolated,
        em_steps=jnp.zeros_like(state.em_steps),
        steps=steps,
        status=jnp.where(over, Status.STEP_LIMIT, Status.RUNNING).astype(jnp.int32),
        trace=state.trace.at[_trace_index(steps, chunk_start)].set(state.objective),
    )


def _invalid_status(objective: Array, step: Step) -> Array:
    """The status that ends a run at an objective of NaN or +inf; 0 for any other objective."""
    infinite_prior = (step.log_prior == jnp.inf) & ~jnp.isnan(step.evidence)
    status = jnp.where(jnp.isnan(objective), Status.NON_FINITE, 0)
    status = jnp.where(step.evidence == jnp.inf, Status.DEGENERATE, status)
    return jnp.where(infinite_prior, Status.NO_INTERIOR_MODE, status)


def _accept(
    state: State,
    step: Step,
    objective: Array,
    moves: Moves,
    controls: Controls,
    chunk_start: Array,
    noise: Array,
) -> State:
    """The state after the candidate was accepted, with the next candidate and the status."""
    begun = state.steps >= 0
    gain = jnp.where(begun, objective - state.objective, jnp.inf)
    change = relative_change(state.candidate, state.accepted)
    em_steps = jnp.where(state.extrapolated | ~begun, 0, state.em_steps + 1)
    last_gain = jnp.where(em_steps > 1, state.gain, jnp.inf)
    slowest_rate = (
        _slowest_rate(state.slowest_rate, gain, last_gain, noise)
        if moves.extrapolates
        else state.slowest_rate
    )
    within_tolerance = has_converged(
        gain, last_gain, change, noise, controls.tolerance, slowest_rate
    )
    gain_below_near = (controls.near > 0) & (gain < controls.near) & (state.steps + 1 >= _SHORTEST)
    done = begun & ((within_tolerance & ~state.extrapolated) | gain_below_near)
    steps_within_rounding = jnp.where(jnp.abs(gain) <= noise, state.steps_within_rounding + 1, 0)
    steps = state.steps + 1
    status = jnp.where(steps >= controls.max_steps, Status.STEP_LIMIT, Status.RUNNING)
    stalled = (steps_within_rounding >= _STEPS_WITHIN_ROUNDING) & (controls.tolerance > 0)
    status = jnp.where(stalled, Status.STALLED, status)
    status = jnp.where(done, Status.CONVERGED, status)
    gained_little = (
        begun
        & state.extrapolated
        & (gain <= jnp.maximum(controls.tolerance, noise))
        & (controls.tolerance > 0)
    )
    em_steps_due = jnp.where(
        state.em_steps_due > 0,
        state.em_steps_due - 1,
        jnp.where(gained_little, _FORCED_EM_STEPS, 0),
    )
    proposal = moves.propose(step.memory, state.candidate, step.image)
    extrapolated = proposal.extrapolated & (em_steps_due == 0)
    return State(
        candidate=_where(extrapolated, proposal.values, step.image),
        accepted=state.candidate,
        image=step.image,
        memory=proposal.memory,
        extrapolated=extrapolated,
        objective=objective,
        evidence=step.evidence,
        counts=step.counts,
        gain=jnp.where(begun, gain, jnp.inf),
        em_steps=em_steps,
        em_steps_due=em_steps_due.astype(jnp.int32),
        slowest_rate=slowest_rate,
        steps=steps,
        halvings=jnp.zeros_like(state.halvings),
        steps_within_rounding=steps_within_rounding,
        status=status.astype(jnp.int32),
        trace=state.trace.at[_trace_index(steps, chunk_start)].set(objective),
    )


def _slowest_rate(so_far: Array, gain: Array, last_gain: Array, noise: Array) -> Array:
    """Running maximum of the estimated linear rate of EM, a scalar.

    An extrapolation hides the slowest direction for some steps, and the rate of these alone would
    stop a run too soon.
    """
    _, rate = remaining_gain(gain, last_gain)
    return jnp.where((gain > noise) & (rate < 1), jnp.maximum(so_far, rate), so_far)


def _trace_index(steps: Array, chunk_start: Array) -> Array:
    return jnp.clip(steps - chunk_start - 1, 0, LONG_CHUNK - 1)


def _where(condition: Array, a, b):
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)
