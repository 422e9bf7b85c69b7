"""The host's side of a run: chunks of the loop for a batch of restarts, until all have stopped."""

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.compiled.buckets import bucket, bucket_of_rows, power_of_two
from jaxem.data.fit_data import PATHS, FitData
from jaxem.data.own import Own, are_few, shared
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.numerics.rows import row_count
from jaxem.objective.landscape import Landscape
from jaxem.optimise.compaction import Clock
from jaxem.optimise.ends import has_far_ends, to_edges
from jaxem.optimise.loop import Controls
from jaxem.optimise.moves import chunk_function
from jaxem.optimise.polish import climb_on
from jaxem.optimise.race import Race, drop_losers
from jaxem.optimise.runs import Progress, Runs
from jaxem.optimise.state import CHUNK, State, chunk_length, first_states, resume, with_frozen
from jaxem.optimise.watch import Guards
from jaxem.status import Status

#: The quasi-Newton climb begins where a step gains less, in nats.
_NEAR = 1e-2

#: Steps after which restarts that creep towards the boundary of a support jump to it.
_PAUSES = (100, 400)

#: Statuses that replaced data may have caused: such a restart goes on with the rows.
_SUSPECT = (Status.NON_FINITE, Status.DEGENERATE, Status.OBJECTIVE_FELL)


class Runner:
    """A batch of restarts that runs chunk by chunk; Ctrl-C and a time limit lose at most a chunk.

    Args:
        model: The declared model.
        plan: What the algebra found.
        algorithm: The algorithm.
        fit_data: The data, and the paths through them.
        starts: Parameters by dotted name, stacked over restarts.
        guards: Checks of restarts on replaced data.
        tolerance: See `stopping`.
        max_steps: Limit of steps.
        time_limit: Seconds, or None.
        race: A race that drops restarts, or None.
        finish: Whether a quasi-Newton climb follows where EM is slow.
        report: Called between chunks.
    """

    def __init__(
        self,
        model: Model,
        plan: Plan,
        algorithm: Algorithm,
        fit_data: FitData,
        starts: dict[str, Any],
        guards: Guards,
        *,
        tolerance: float,
        max_steps: int,
        time_limit: float | None,
        race: Race | None,
        finish: bool,
        report: Callable[[Progress], None],
    ):
        self._model, self._algorithm, self._guards = model, algorithm, guards
        self._plan, self._fit_data, self._race, self._finish = plan, fit_data, race, finish
        memory = algorithm.memory(model, fit_data.weights.dtype)
        self._states = jax.tree.map(
            np.array, first_states(starts, memory, model.latent.configurations)
        )
        restarts = len(self._states.status)
        self._traces: list[list[float]] = [[] for _ in range(restarts)]
        self._moved: set[int] = set()
        self._paths = np.full(restarts, fit_data.first, dtype=object)
        self._tolerance, self._max_steps, self._report = tolerance, max_steps, report
        self._controls = self._until(max_steps)
        self._limit = np.inf if time_limit is None else time.monotonic() + time_limit
        self._ended_by = Status.RUNNING
        chunk = chunk_function(model, plan, algorithm, finish)
        self._program = plan.program(("steps", algorithm, finish), chunk)
        self._compiled = plan.compiled
        self.changes: list[str] = []

    def run(self) -> Runs:
        """All restarts, run until each stops, the time is over, or Ctrl-C is pressed.

        After Ctrl-C they are as the last whole chunk left them.
        """
        self._look_at_starts(self._fit_data.first)
        try:
            if self._race is not None:
                self._advance(self._until(self._race.after))
                self._drop_losers(self._race.kept)
            if self._finish:
                self._advance(self._until(self._max_steps, _NEAR))
                self._jump(climb_on, everyone=False)
            for pause in _PAUSES if has_far_ends(self._model) else ():
                self._advance(self._until(pause))
                self._jump(to_edges, everyone=True)
            self._advance(self._until(self._max_steps))
        except KeyboardInterrupt:
            if not any(self._traces):
                raise
            self._ended_by = Status.INTERRUPTED
            self._reopen()
            self._look_at_ends(self._fit_data.first)
        return self._collect()

    def _until(self, max_steps: int, near: float = 0.0) -> Controls:
        dtype = self._fit_data.weights.dtype
        limit = np.int32(min(max_steps, self._max_steps))
        given: Any = *np.asarray((self._tolerance, near), dtype), limit, np.int32(CHUNK)
        return Controls(*given)

    def _advance(self, controls: Controls) -> None:
        """Run every restart until these controls stop it; later controls may resume it."""
        self._controls = controls
        for path in PATHS[PATHS.index(self._fit_data.first) :]:
            while self._running(path).size and self._ended_by == Status.RUNNING:
                self._run_group(path)
                self._look_at_ends(path)
        self._reopen()

    def _reopen(self) -> None:
        """Set to RUNNING the restarts that stopped short of the limits of the whole run."""
        states = self._states
        short = (states.status == Status.STEP_LIMIT) & (states.steps < self._max_steps)
        if self._controls.near > 0:
            short |= states.status == Status.CONVERGED
        states.status[short] = Status.RUNNING

    def _drop_losers(self, kept: int) -> None:
        """Drop the restarts that lose the race."""
        if self._ended_by == Status.RUNNING:
            states = self._states
            states.status[:] = drop_losers(kept, states.objective, states.status)

    def _jump(self, move: Callable[..., list], everyone: bool) -> None:
        """Make the end of a climb, or a boundary, the next candidate of the restarts."""
        for path in np.unique(self._paths):
            group = self._running(path)
            if group.size and self._ended_by == Status.RUNNING:
                group = np.flatnonzero(self._paths == path) if everyone else group
                source = self._fit_data.source(path, self._model.latent.configurations, len(group))
                landscape = Landscape(self._model, self._plan, self._algorithm, source)
                traces = move(landscape, self._states, group, self._max_steps)
                for restart, trace in zip(group, traces, strict=True):
                    self._traces[restart] += trace

    def _running(self, path: str) -> np.ndarray:
        running = self._states.status == Status.RUNNING
        return np.flatnonzero(running & (self._paths == path))

    def _run_group(self, path: str) -> None:
        """Run the restarts on one path until none of them is on it and running."""
        running = self._running(path)
        restarts = running if len(running) == len(self._paths) else self._fill(running)
        source, own = self._data(path, len(restarts))
        clock = Clock(self._compiled, self._key(path, len(restarts)))
        while running.size:
            began = time.monotonic()
            given = with_frozen(self._group(path, restarts), bucket(len(restarts)))
            few = are_few(self._fit_data.weights.size, len(restarts))
            passes = chunk_length(int(self._states.steps[running].min()), few)
            controls = self._controls._replace(passes=np.int32(passes))
            group = self._program(jax.device_put(given), own, source, controls)
            self._record(path, restarts, jax.block_until_ready(group))
            clock.chunk(time.monotonic() - began, len(running) / len(restarts))
            self._report(self._progress())
            if self._running(path).size and time.monotonic() > self._limit:
                self._ended_by = Status.TIME_LIMIT
                return
            running = self._guard(path, self._running(path))
            size = power_of_two(len(running))
            fewer = running.size and size <= len(restarts) // 2
            if fewer and clock.pays(self._key(path, size)):
                restarts = self._fill(running)
                source, own = self._data(path, size)
                clock = Clock(self._compiled, self._key(path, size))

    def _data(self, path: str, restarts: int) -> tuple[Source, Own | None]:
        """The shared data of so many restarts on a path, and the data that each has of its own."""
        source = self._fit_data.source(path, self._model.latent.configurations, restarts)
        return source, shared(source, bucket(restarts))

    def _key(self, path: str, size: int) -> Any:
        return self._algorithm, path, bucket_of_rows(row_count(self._fit_data.rows)), size

    def _fill(self, running: np.ndarray) -> np.ndarray:
        """Indices of running restarts, filled up to a power of two with stopped ones."""
        others = np.flatnonzero(self._states.status != Status.RUNNING)
        missing = power_of_two(len(running)) - len(running)
        return np.sort(np.concatenate([running, others[:missing]]))

    def _group(self, path: str, restarts: np.ndarray) -> State:
        """The states of some restarts; those that are on another path are frozen."""
        group = jax.tree.map(lambda leaf: leaf[restarts], self._states)
        elsewhere = self._paths[restarts] != path
        again = np.isin(restarts, list(self._moved)) & ~elsewhere
        return resume(group, again, elsewhere)

    def _record(self, path: str, restarts: np.ndarray, group: State) -> None:
        """Write the states and traces of a chunk back, for the restarts of a group that ran."""
        ran = np.flatnonzero(np.isin(restarts, self._running(path)))
        trace = np.asarray(group.trace)
        for row in ran:
            if restarts[row] in self._moved:  # its accepted parameters were evaluated again
                self._moved.remove(restarts[row])
                self._traces[restarts[row]] = self._traces[restarts[row]][:-1]
            self._traces[restarts[row]] += trace[row][~np.isnan(trace[row])].tolist()
        for leaf, new in zip(jax.tree.leaves(self._states), jax.tree.leaves(group), strict=True):
            leaf[restarts[ran]] = np.asarray(new)[ran]

    def _look_at_starts(self, path: str) -> None:
        """Check the starts on replaced data; one whose zeros exclude a row leaves the path."""
        if path == "direct":
            return
        for restart in self._guards.excluded(self._algorithm.e_step, self._states.candidate):
            self._move(restart, "direct", "the start makes some rows impossible")
        self._guard(path, self._running(path))

    def _guard(self, path: str, restarts: np.ndarray) -> np.ndarray:
        """Check some restarts on replaced data; return those that go on running on this path."""
        if path != "direct":
            for restart in self._guards.choose(restarts):
                steps = max(int(self._states.steps[restart]), 0)
                target = self._guards.next_path(self._values(restart), path, int(restart), steps)
                if target != path:
                    self._move(restart, target, "the guard saw errors")
        return self._running(path)

    def _look_at_ends(self, path: str) -> None:
        """Move restarts to the rows that failed, or whose objective is not that of the rows.

        When the time is over none is moved; its objective is set to that of the rows.
        """
        if path == "direct":
            return
        over = self._ended_by != Status.RUNNING
        ended = np.flatnonzero((self._paths == path) & (self._states.steps >= 0))
        given_up = (self._states.status == Status.STALLED) & (self._states.halvings > 0)
        suspect = np.isin(self._states.status[ended], _SUSPECT) | given_up[ended]
        for restart in () if over else ended[suspect]:
            self._move(restart, "direct", str(Status(int(self._states.status[restart]))))
        if not over and (self._controls.near > 0 or self._controls.max_steps < self._max_steps):
            return  # the run is not at its end
        sound = ended[~suspect & np.isfinite(self._states.objective[ended])]
        order = sound[np.argsort(-self._states.objective[sound], kind="stable")].tolist()
        for restart, evidence in self._guards.evidence(self._algorithm.e_step, order, self._values):
            error = evidence - float(self._states.evidence[restart])
            if over or abs(error) <= self._guards.tolerance(evidence):
                self._states.objective[restart] += error
                self._states.evidence[restart] = evidence
                self._traces[restart][-1] = float(self._states.objective[restart])
            else:
                given = (
                    f"an objective {error:+.1e} nats away" if np.isfinite(error) else "no number"
                )
                self._move(restart, "direct", f"all rows give {given}")

    def _values(self, restart: int) -> dict[str, np.ndarray]:
        return {k: v[restart] for k, v in self._states.accepted.items()}

    def _move(self, restart: int, path: str, why: str) -> None:
        """Put a restart on another path, where its accepted parameters are evaluated again."""
        old, step = self._paths[restart], max(int(self._states.steps[restart]), 0)
        self.changes.append(f"restart {restart}, step {step}: {old} to {path}: {why}")
        self._paths[restart] = path
        self._states.status[restart] = Status.RUNNING
        self._moved.add(restart)

    def _progress(self) -> Progress:
        active = int((self._states.status == Status.RUNNING).sum())
        steps, best = int(self._states.steps.max()), float(np.max(self._states.objective))
        return Progress(steps, self._max_steps, active, len(self._paths), best)

    def _collect(self) -> Runs:
        states = self._states
        status = states.status.copy()
        status[status == Status.RUNNING] = self._ended_by
        return Runs(
            values=states.accepted,
            candidates=states.candidate,
            objective=states.objective,
            evidence=states.evidence,
            status=status,
            steps=np.maximum(states.steps, 0),
            counts=states.counts,
            paths=self._paths,
            traces=tuple(np.asarray(t, states.objective.dtype) for t in self._traces),
        )
