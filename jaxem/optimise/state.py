"""Where restarts are: what the loop carries from pass to pass, and the host between chunks."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxem.compiled.buckets import filled
from jaxem.status import Status
from jaxem.types import Array

Values = dict[str, Array]

#: Steps a compiled chunk.
CHUNK = 25


class State(NamedTuple):
    """Where one restart is.

    Attributes:
        values: The parameters to be judged next.
        previous: The last parameters that were judged good.
        image: What the EM map makes of ``previous``.
        memory: The algorithm's own.
        extrapolated: Whether ``values`` are an extrapolation.
        objective: Log posterior of ``previous``.
        evidence: Log likelihood of ``previous``.
        counts: Expected count of each latent state there, (K,).
        gain: What the step to ``previous`` gained.
        plain: Steps of EM in a row that led to ``previous``.
        rest: Number of plain EM steps before the next extrapolation.
        slowest: The largest factor between the gains of two steps of EM, where there are
            extrapolations.
        steps: Evaluations of the EM map, after the one at the start, until ``previous`` was
            reached and extrapolations from there refused; -1 before the start is judged.
        halvings: How often the proposal was moved back towards ``previous``.
        quiet: Steps in a row whose gain was rounding.
        status: A `Status`.
        trace: Objectives of the best parameters of this chunk, by step; NaN where none.
    """

    values: Values
    previous: Values
    image: Values
    memory: Any
    extrapolated: Array
    objective: Array
    evidence: Array
    counts: Array
    gain: Array
    plain: Array
    rest: Array
    slowest: Array
    steps: Array
    halvings: Array
    quiet: Array
    status: Array
    trace: Array


def first_states(values: dict[str, np.ndarray], memory: Any, size: int) -> State:
    """The states of all restarts at their starts.

    Args:
        values: Parameters by dotted name, stacked over restarts.
        memory: The empty memory of one restart, NumPy leaves.
        size: Latent states.

    Returns:
        NumPy leaves, stacked over restarts.
    """
    first = next(iter(values.values()))
    restarts, dtype = len(first), first.dtype
    none = np.full(restarts, -np.inf, dtype)
    zero: Any = np.zeros(restarts, np.int32)
    trace = np.full((restarts, CHUNK), np.nan, dtype)
    counts = np.full((restarts, size), np.nan, dtype)
    memory = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (restarts, *leaf.shape)), memory)
    numbers: Any = dict.fromkeys(("plain", "rest", "halvings", "quiet", "status"), zero)
    arrays: Any = {"extrapolated": zero > 0, "gain": -none, "slowest": np.zeros(restarts, dtype)}
    start: Any = dict.fromkeys(("values", "previous", "image"), values)
    start |= {"objective": none, "evidence": none, "counts": counts, "trace": trace}
    return State(memory=memory, steps=zero - 1, **start, **numbers, **arrays)


def with_frozen(states: State, size: int) -> State:
    """States filled up to a size with copies of the first that are not to run."""
    if size == len(states.status):
        return states
    whole: State = jax.tree.map(lambda leaf: filled(leaf, size), states)
    whole.status[len(states.status) :] = Status.INTERRUPTED
    return whole


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
        memory=jax.tree.map(lambda leaf: put(leaf, 0), states.memory),
        extrapolated=put(states.extrapolated, False),
        plain=put(states.plain, 0),
        objective=put(states.objective, -np.inf),
        evidence=put(states.evidence, -np.inf),
        gain=put(states.gain, np.inf),
        steps=put(states.steps, np.maximum(states.steps, 0) - 1),
        halvings=put(states.halvings, 0),
        quiet=put(states.quiet, 0),
        status=np.where(frozen, Status.INTERRUPTED, states.status).astype(states.status.dtype),
    )
