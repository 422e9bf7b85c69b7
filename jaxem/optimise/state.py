"""The state of a restart: what the loop carries from pass to pass, and the host between chunks."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxem.compiled.buckets import filled
from jaxem.status import Status
from jaxem.types import Array

Values = dict[str, Array]

#: Passes of a compiled chunk, and at most, of late ones on few data.
CHUNK, LONG_CHUNK = 25, 100


def chunk_length(steps: int, few: bool) -> int:
    """Passes of the next chunk: half of the steps taken, where data are few and a pass is short.

    Between chunks the host checks restarts on replaced data, and drops those that stopped.

    Args:
        steps: Steps that every running restart has taken.
        few: Whether data are few, as `are_few` says.
    """
    return min(max(steps // 2, CHUNK), LONG_CHUNK) if few else CHUNK


class State(NamedTuple):
    """The state of one restart.

    Attributes:
        candidate: The parameters that the next pass evaluates.
        accepted: The parameters that are reported; the last whose objective was good.
        image: The image of ``accepted`` under the EM map.
        memory: What the algorithm remembers, a pytree.
        extrapolated: Whether ``candidate`` is an extrapolation.
        objective: Log posterior of ``accepted``.
        evidence: Log likelihood of ``accepted``.
        counts: Expected count of each configuration at ``accepted``, (C,).
        gain: Increase of the objective by the step to ``accepted``.
        em_steps: Plain EM steps since the last extrapolation, up to ``accepted``.
        em_steps_due: Plain EM steps to be taken before the next extrapolation.
        slowest_rate: Running maximum of the estimated linear rate of EM; 0 where nothing
            extrapolates.
        steps: Evaluations of the EM map after the one at the start, refused extrapolations
            included; -1 before the start is evaluated.
        halvings: How often the candidate was moved half way back to ``accepted``.
        steps_within_rounding: Steps in a row whose gain was within rounding.
        status: A `Status`.
        trace: Objective of ``accepted`` after each step of this chunk, (LONG_CHUNK,), or NaN.
    """

    candidate: Values
    accepted: Values
    image: Values
    memory: Any
    extrapolated: Array
    objective: Array
    evidence: Array
    counts: Array
    gain: Array
    em_steps: Array
    em_steps_due: Array
    slowest_rate: Array
    steps: Array
    halvings: Array
    steps_within_rounding: Array
    status: Array
    trace: Array


def first_states(values: dict[str, np.ndarray], memory: Any, configurations: int) -> State:
    """The states of all restarts at their starts.

    Args:
        values: The starts by dotted name, leaves (R, ...).
        memory: The empty memory of one restart, NumPy leaves.
        configurations: Configurations of the latent structure, C.

    Returns:
        NumPy leaves, stacked over restarts.
    """
    first = next(iter(values.values()))
    restarts, dtype = len(first), first.dtype
    unknown: Any = np.full(restarts, -np.inf, dtype)
    zero: Any = np.zeros(restarts, np.int32)
    no: Any = np.zeros(restarts, bool)
    no_rate: Any = np.zeros(restarts, dtype)
    counts: Any = np.full((restarts, configurations), np.nan, dtype)
    trace: Any = np.full((restarts, LONG_CHUNK), np.nan, dtype)
    start: Any = values
    memory = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (restarts, *leaf.shape)), memory)
    return State(
        candidate=start,
        accepted=start,
        image=start,
        memory=memory,
        extrapolated=no,
        objective=unknown,
        evidence=unknown,
        counts=counts,
        gain=-unknown,
        em_steps=zero,
        em_steps_due=zero,
        slowest_rate=no_rate,
        steps=zero - 1,
        halvings=zero,
        steps_within_rounding=zero,
        status=zero,
        trace=trace,
    )


def with_frozen(states: State, size: int) -> State:
    """States filled up to a number of restarts with frozen copies of the first."""
    if size == len(states.status):
        return states
    whole: State = jax.tree.map(lambda leaf: filled(leaf, size), states)
    whole.status[len(states.status) :] = Status.INTERRUPTED
    return whole


def resume(states: State, again: np.ndarray, frozen: np.ndarray) -> State:
    """States for the next chunk.

    Args:
        states: NumPy leaves, stacked over restarts.
        again: Restarts whose accepted parameters are the next candidate, to be evaluated again on
            another path, (R,).
        frozen: Restarts that are not to run, (R,).
    """

    def put(leaf: Any, value: Any) -> np.ndarray:
        where = again.reshape(-1, *[1] * (leaf.ndim - 1))
        return np.where(where, value, leaf).astype(leaf.dtype)

    return states._replace(
        candidate={name: put(states.candidate[name], v) for name, v in states.accepted.items()},
        memory=jax.tree.map(lambda leaf: put(leaf, 0), states.memory),
        extrapolated=put(states.extrapolated, False),
        em_steps=put(states.em_steps, 0),
        objective=put(states.objective, -np.inf),
        evidence=put(states.evidence, -np.inf),
        gain=put(states.gain, np.inf),
        steps=put(states.steps, np.maximum(states.steps, 0) - 1),
        halvings=put(states.halvings, 0),
        steps_within_rounding=put(states.steps_within_rounding, 0),
        status=np.where(frozen, Status.INTERRUPTED, states.status).astype(states.status.dtype),
    )
