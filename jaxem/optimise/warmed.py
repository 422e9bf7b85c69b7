"""The result of a warm-up: starts of the monotone loop, and the traces before them."""

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
        ended: RUNNING, or the status of a warm-up that was cut short.
        runs_on: Whether an algorithm runs on from the starts.
        description: The warm-up in words.
        seconds: Seconds that it took.
        changes: Changes of the path through the data, and why, in words.
    """

    values: dict[str, np.ndarray]
    traces: np.ndarray
    ended: Status
    runs_on: bool
    description: str
    seconds: float
    changes: tuple[str, ...]

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.traces.shape[1]

    def remaining(self, max_steps: int, time_limit: float | None) -> dict[str, Any]:
        """The remaining limits of steps and seconds; enough at least to evaluate the starts."""
        runs_on = self.runs_on and self.ended == Status.RUNNING
        steps = max(max_steps - self.steps, 0) if runs_on else 0
        seconds = None if time_limit is None else max(time_limit - self.seconds, 1e-3)
        return {"max_steps": steps, "time_limit": seconds}

    def join(self, runs: Runs) -> Runs:
        """Runs from these starts, with the steps and traces of the warm-up put before theirs."""
        status = runs.status.copy()
        if self.ended != Status.RUNNING:
            status[status == Status.STEP_LIMIT] = self.ended
        elif not self.runs_on:
            status[status == Status.STEP_LIMIT] = Status.SAMPLED
        traces = tuple(np.concatenate(pair) for pair in zip(self.traces, runs.traces, strict=True))
        steps = runs.steps + self.steps
        return dataclasses.replace(runs, status=status, traces=traces, steps=steps)

    @property
    def words(self) -> str:
        """The warm-up as a note of a fit."""
        steps = f"steps 0 to {self.steps - 1} of the trace"
        return f"{steps}: {self.description}; the objective may fall there"
