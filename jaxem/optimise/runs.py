"""How restarts are doing, and how they ended."""

import dataclasses
import sys
from collections.abc import Callable

import jax
import numpy as np


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a progress callback is told between chunks.

    Attributes:
        steps: Steps of the restart that is farthest.
        max_steps: The limit.
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
    """How all restarts ended: arrays over restarts.

    Attributes:
        values: The parameters reached, by dotted name.
        proposals: Where the algorithm would have gone next.
        objective: Objective of ``values``.
        evidence: The part of it that the data make.
        status: How each ended, a `Status`.
        steps: Steps to ``values``.
        counts: Expected counts of the latent states there, (R, K).
        paths: The path that each ended on.
        traces: Objective at the start and after each step.
    """

    values: dict[str, np.ndarray]
    proposals: dict[str, np.ndarray]
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
    """What prints what is being compiled, or the method `say` of a callback that has one."""
    if progress is True:
        return lambda words: print(f"\r{words}", end="", file=sys.stderr, flush=True)
    return getattr(progress, "say", None)


def reporter(progress: bool | Callable[[Progress], None]) -> Callable[[Progress], None]:
    """What to call between chunks: the person's function, one that prints a line, or nothing."""
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
