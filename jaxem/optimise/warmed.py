"""What a warm-up leaves: starts of the monotone loop, and the trace before them."""

import dataclasses
from typing import Any

import numpy as np

from jaxem.optimise.runs import Runs
from jaxem.status import Status


@dataclasses.dataclass(frozen=True)
class WarmedUp:
    """Starts that a warm-up reached.

    Attributes:
        values: Parameters by dotted name, stacked over restarts.
        traces: The objective at each step, (R, steps).
        ended: RUNNING, or why it ended too soon.
        climbs: Whether an algorithm goes on from them.
        description: What was done, in words.
        seconds: How long it took.
        changes: Why a path through the data was left, in words.
    """

    values: dict[str, np.ndarray]
    traces: np.ndarray
    ended: Status
    climbs: bool
    description: str
    seconds: float
    changes: tuple[str, ...]

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return self.traces.shape[1]

    def left(self, max_steps: int, time_limit: float | None) -> dict[str, Any]:
        """What is left of the limits, to climb; at least enough to judge the starts."""
        climbs = self.climbs and self.ended == Status.RUNNING
        steps = max(max_steps - self.steps, 0) if climbs else 0
        seconds = None if time_limit is None else max(time_limit - self.seconds, 1e-3)
        return {"max_steps": steps, "time_limit": seconds}

    def join(self, runs: Runs) -> Runs:
        """Runs from these starts with what was before them."""
        status = runs.status.copy()
        if self.ended != Status.RUNNING:
            status[status == Status.STEP_LIMIT] = self.ended
        elif not self.climbs:
            status[status == Status.STEP_LIMIT] = Status.SAMPLED
        traces = tuple(np.concatenate(pair) for pair in zip(self.traces, runs.traces, strict=True))
        steps = runs.steps + self.steps
        return dataclasses.replace(runs, status=status, traces=traces, steps=steps)

    @property
    def words(self) -> str:
        """What was done, as a note of a fit."""
        steps = f"steps 0 to {self.steps - 1} of the trace"
        return f"{steps}: {self.description}; the objective may fall there"
