"""The one loop: a chunk of steps of any algorithm, for a batch of restarts at once.

The objective of parameters is known only after the E-step at them, so a pass of the loop first
judges the parameters that the pass before proposed and then moves on. That makes the reported
objective always the one of the reported parameters. A finished restart is frozen. The host calls
the loop a few dozen steps at a time.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algorithm.em import Step
from jaxem.fitting.stopping import has_converged, relative_change, rounding
from jaxem.status import Status
from jaxem.types import Array

Values = dict[str, Array]

#: Steps a compiled chunk.
CHUNK = 25

_HALVINGS = 10
_QUIET = 60


class State(NamedTuple):
    """Where one restart is.

    Attributes:
        values: The parameters to be judged next.
        previous: The last parameters that were judged good.
        objective: Log posterior of ``previous``.
        evidence: Log likelihood of ``previous``.
        counts: Expected count of each latent state there, (K,).
        gain: What the step to ``previous`` gained.
        steps: Steps taken to reach ``previous``; -1 before the start is judged.
        halvings: How often the proposal was moved back towards ``previous``.
        quiet: Steps in a row whose gain was rounding.
        status: A `Status`.
        trace: Objectives of this chunk, by step; NaN where none.
    """

    values: Values
    previous: Values
    objective: Array
    evidence: Array
    counts: Array
    gain: Array
    steps: Array
    halvings: Array
    quiet: Array
    status: Array
    trace: Array


class Controls(NamedTuple):
    """When to stop; traced, so that another tolerance compiles nothing."""

    tolerance: Array
    max_steps: Array


def first_states(values: dict[str, np.ndarray], size: int) -> State:
    """The states of all restarts at their starts.

    Args:
        values: Parameters by dotted name, stacked over restarts.
        size: Latent states.

    Returns:
        NumPy leaves, stacked over restarts.
    """
    first = next(iter(values.values()))
    lanes, dtype = len(first), first.dtype
    none = np.full(lanes, -np.inf, dtype)
    zero = np.zeros(lanes, np.int32)
    trace = np.full((lanes, CHUNK), np.nan, dtype)
    counts = np.full((lanes, size), np.nan, dtype)
    leaves = (values, values, none, none, counts, -none, zero - 1, zero, zero, zero, trace)
    return State(*leaves)  # pyright: ignore[reportArgumentType]


def resume(states: State, again: np.ndarray, frozen: np.ndarray) -> State:
    """States for the next chunk.

    Args:
        states: NumPy leaves, stacked over restarts.
        again: Restarts to be sent back to the last parameters that were judged, to judge them
            again on another path, (R,).
        frozen: Restarts that are not to run, (R,).
    """

    def put(leaf: Any, value: Any) -> np.ndarray:
        where = again.reshape(-1, *[1] * (leaf.ndim - 1))
        return np.where(where, value, leaf).astype(leaf.dtype)

    return states._replace(
        values={name: put(states.values[name], v) for name, v in states.previous.items()},
        objective=put(states.objective, -np.inf),
        evidence=put(states.evidence, -np.inf),
        gain=put(states.gain, np.inf),
        steps=put(states.steps, np.maximum(states.steps, 0) - 1),
        halvings=put(states.halvings, 0),
        quiet=put(states.quiet, 0),
        status=np.where(frozen, Status.INTERRUPTED, states.status).astype(states.status.dtype),
    )


def run_chunk(
    step: Callable[[Values], Step],
    between: Callable[[Values, Values], Values],
    trusted: bool,
    rows: int,
    states: State,
    controls: Controls,
    passes: int = CHUNK,
) -> State:
    """At most so many passes for every restart that still runs.

    Args:
        step: The algorithm: parameters of one restart to what it found.
        between: Parameters half way between two.
        trusted: Whether a fall of the objective is damped (True) or ends the run.
        rows: Rows that the objective sums over, which tell what of it may be rounding.
        states: Stacked over restarts.
        controls: When to stop.
        passes: At most `CHUNK`.

    Returns:
        The new states.
    """

    def one(state: State, start: Array) -> State:
        found = step(state.values)
        noise = rounding(found.evidence + found.log_prior, rows)
        new = _judge(state, found, between, trusted, controls, start, noise)
        running = state.status == Status.RUNNING
        return jax.tree.map(lambda a, b: jnp.where(running, a, b), new, state)

    start = states.steps
    states = states._replace(trace=jnp.full_like(states.trace, jnp.nan))

    def unfinished(carry):
        count, states = carry
        return (count < passes) & jnp.any(states.status == Status.RUNNING)

    def iterate(carry):
        count, states = carry
        return count + 1, jax.vmap(one)(states, start)

    return jax.lax.while_loop(unfinished, iterate, (0, states))[1]


def _judge(
    state: State, found: Step, between, trusted: bool, controls: Controls, chunk_start: Array, noise
) -> State:
    """Accept the parameters that were judged, or step back from them."""
    objective = found.evidence + found.log_prior
    begun = state.steps >= 0
    bad = _outcome(objective, found)
    fell = begun & (objective < state.objective - noise)
    impossible = objective == -jnp.inf
    may_damp = trusted & begun & (state.halvings < _HALVINGS)
    damp = may_damp & (fell | impossible)
    stop = jnp.where(impossible & ~begun, Status.IMPOSSIBLE, bad)
    given_up = Status.STALLED if trusted else Status.OBJECTIVE_FELL
    stop = jnp.where((stop == 0) & (fell | impossible) & ~damp, given_up, stop)
    stop = jnp.where(damp, 0, stop).astype(jnp.int32)

    accepted = _accept(state, found, objective, controls, chunk_start, noise)
    half = between(state.previous, state.values)
    damped = state._replace(values=half, halvings=state.halvings + 1)
    stopped = state._replace(
        status=stop,
        previous=_where(begun, state.previous, state.values),
        steps=jnp.maximum(state.steps, 0),
    )
    return _where(damp, damped, _where(stop > 0, stopped, accepted))


def _outcome(objective: Array, found: Step) -> Array:
    """The status of an objective that is NaN or +inf; 0 for any other."""
    infinite_prior = (found.log_prior == jnp.inf) & ~jnp.isnan(found.evidence)
    status = jnp.where(jnp.isnan(objective), Status.NON_FINITE, 0)
    status = jnp.where(found.evidence == jnp.inf, Status.DEGENERATE, status)
    return jnp.where(infinite_prior, Status.NO_INTERIOR_MODE, status)


def _accept(
    state: State, found: Step, objective: Array, controls: Controls, chunk_start: Array, noise
) -> State:
    begun = state.steps >= 0
    gain = jnp.where(begun, objective - state.objective, jnp.inf)
    change = relative_change(state.values, state.previous)
    done = begun & has_converged(gain, state.gain, change, noise, controls.tolerance)
    quiet = jnp.where(jnp.abs(gain) <= noise, state.quiet + 1, 0)
    steps = state.steps + 1
    status = jnp.where(steps >= controls.max_steps, Status.STEP_LIMIT, Status.RUNNING)
    status = jnp.where((quiet >= _QUIET) & (controls.tolerance > 0), Status.STALLED, status)
    status = jnp.where(done, Status.CONVERGED, status)
    place = jnp.clip(steps - chunk_start - 1, 0, CHUNK - 1)
    return State(
        values=found.proposal,
        previous=state.values,
        objective=objective,
        evidence=found.evidence,
        counts=found.counts,
        gain=jnp.where(begun, gain, jnp.inf),
        steps=steps,
        halvings=jnp.zeros_like(state.halvings),
        quiet=quiet,
        status=status.astype(jnp.int32),
        trace=state.trace.at[place].set(objective),
    )


def _where(condition: Array, a, b):
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)
