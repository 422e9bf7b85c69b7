"""Restarts as records: their progress, and their ends."""

import dataclasses
import sys
from collections.abc import Callable

import jax
import numpy as np


@dataclasses.dataclass(frozen=True)
class Progress:
    """Progress of a fit, as a callback gets it between chunks.

    Attributes:
        steps: Steps of the restart that has taken most.
        max_steps: Limit of steps.
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
    """The ends of all restarts, arrays over restarts.

    Attributes:
        values: The accepted parameters, by dotted name, leaves (R, ...).
        candidates: The parameters that would have been evaluated next.
        objective: Log posterior of ``values``, (R,).
        evidence: Log likelihood of ``values``, (R,).
        status: A `Status` each, (R,).
        steps: Steps to ``values``, (R,).
        counts: Expected counts of the configurations at ``values``, (R, C).
        paths: The path through the data that each ended on, (R,).
        traces: Objective at the start and after each step, one array a restart.
    """

    values: dict[str, np.ndarray]
    candidates: dict[str, np.ndarray]
    objective: np.ndarray
    evidence: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    counts: np.ndarray
    paths: np.ndarray
    traces: tuple[np.ndarray, ...]

    def take(self, index: np.ndarray) -> "Runs":
        """Some of the restarts."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        traces = fields.pop("traces")
        some = jax.tree.map(lambda leaf: leaf[index], fields)
        return Runs(**some, traces=tuple(traces[i] for i in index))

    def put(self, index: np.ndarray, some: "Runs") -> "Runs":
        """All restarts, with some of them replaced."""
        values = {name: leaf.copy() for name, leaf in self.values.items()}
        objective, evidence = self.objective.copy(), self.evidence.copy()
        for name, leaf in values.items():
            leaf[index] = some.values[name]
        objective[index], evidence[index] = some.objective, some.evidence
        return dataclasses.replace(self, values=values, objective=objective, evidence=evidence)


def announcer(progress: bool | Callable[[Progress], None]) -> Callable[[str], None] | None:
    """A function that shows which program is compiled: a printer, or the callback's `say`."""
    if progress is True:
        return lambda words: print(f"\r{words}", end="", file=sys.stderr, flush=True)
    return getattr(progress, "say", None)


def reporter(progress: bool | Callable[[Progress], None]) -> Callable[[Progress], None]:
    """A function to call between chunks: the given one, one that prints a line, or no-op."""
    if callable(progress):
        return progress
    if not progress:
        return lambda report: None

    def show(report: Progress) -> None:
        end = "" if report.active else "\n"
        sys.stderr.write(
            f"\rstep {report.steps}, {report.active} of {report.restarts} restarts running, "
            f"best {report.best:.6g}   {end}"
        )
        sys.stderr.flush()

    return show
