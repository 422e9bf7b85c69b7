"""`fit`: from a declared model and data to a `Fit`."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxem.algebra.plan import Plan, make_plan
from jaxem.algorithm import EM, Algorithm, Prelude
from jaxem.fitting.cancellation import Cancellation
from jaxem.fitting.dealing import deal_out
from jaxem.fitting.edges import prior_is_infinite
from jaxem.fitting.examine import examine
from jaxem.fitting.few import states_in_words
from jaxem.fitting.guards import Guards
from jaxem.fitting.known import evaluate
from jaxem.fitting.landscape import Landscape
from jaxem.fitting.method import method_of
from jaxem.fitting.options import check_draws, check_finish, check_named, check_options, check_room
from jaxem.fitting.path import Ways, find_ways
from jaxem.fitting.race import Race
from jaxem.fitting.restarts import Runner
from jaxem.fitting.result import Fit, Restarts
from jaxem.fitting.runs import Progress, Runs, reporter
from jaxem.fitting.save import pick
from jaxem.fitting.starts import make_starts
from jaxem.fitting.traced import check_concrete
from jaxem.fitting.wander import wander
from jaxem.initial import Setting
from jaxem.model import Model
from jaxem.model.binding import Declaration, bind_steps
from jaxem.model.declaration import check_declaration, check_params
from jaxem.status import Status
from jaxem.types import Data


def fit(
    model: Declaration,
    data: Data,
    *,
    key: Any = 0,
    restarts: int | Race = 1,
    init: Any = None,
    weights: Any = None,
    lengths: Any = None,
    algorithm: Algorithm | None = None,
    finish: str | None = None,
    tolerance: float = 1e-10,
    max_steps: int = 5000,
    time_limit: float | None = None,
    progress: bool | Callable[[Progress], None] = False,
) -> Fit:
    """Fit a declared model by expectation-maximisation.

    Args:
        model: The declared model, or a program from `jaxem.from_numpyro`.
        data: Rows: an array or any pytree of arrays whose first axes agree. For a chain, leaves
            (sequence, time, ...). For a program, its arguments by name.
        key: An int or a JAX key; the starts depend on it.
        restarts: Number of starts, all run at once; or ``jaxem.Race(64)``, many of which only the
            most promising run to their ends.
        init: None for starts of several kinds, `jaxem.initial.in_turn`; a dictionary of parameters
            for one start, or with a leading axis for all; or an initialiser from `jaxem.initial`.
        weights: Weights of rows, or of sequences, (n,); an integer weight is that many equal ones,
            zero is absence.
        lengths: For a chain, the steps of each sequence, (n,), if they are not all equal; see
            `jaxem.sequences`.
        algorithm: What to run, ``EM()`` if left out; ``Squarem()`` or ``Anderson()``, faster;
            ``Annealed(...)`` or ``Stochastic(...)``, which wander first;
            ``Online(batch_size=...)`` or ``Incremental(batch_size=...)``, for many rows.
        finish: "newton" climbs to the top where EM has become slow, by a quasi-Newton method on the
            exact gradient; each gradient counts as a step. None leaves all to the algorithm.
        tolerance: Nats that may be left to gain, by Aitken's estimate. 0 runs all ``max_steps``.
        max_steps: Limit of EM steps, or evaluations of the EM map, those that wander included.
        time_limit: Limit of seconds, checked between chunks of steps.
        progress: True for a line of text, or a function called between chunks.

    Returns:
        The best restart, and all others. After Ctrl-C, the best so far. With ``max_steps=0`` the
        model at ``init``; where priors fix every parameter, the model at these, without a plan.

    Raises:
        DeclarationError: If the model, the data or the start cannot be used as given.
    """
    algorithm = EM() if algorithm is None else algorithm
    race = restarts if isinstance(restarts, Race) else None
    restarts = restarts.restarts if isinstance(restarts, Race) else restarts
    check_options(restarts, tolerance, max_steps, time_limit, algorithm)
    check_concrete(data, weights, lengths, init, key)
    bound = bind_steps(model, data, lengths)
    model, data = bound.model, bound.rows
    check_room(model, restarts)
    check_named(model, algorithm)
    check_finish(model, algorithm, finish)
    weights = bound.weigh(weights)
    check_draws(model, algorithm, weights)
    check_declaration(model, data)
    init = init if init is None or callable(init) else check_params(model, init, "init", restarts)
    if not model.free:
        return evaluate(bound, weights, algorithm)
    plan = make_plan(model, data, weights, bound.starts)
    setting = Setting(model, plan, data, weights, bound.sequences)
    starts = make_starts(setting, init, restarts, key)
    ways = find_ways(model, plan, algorithm, data, weights, restarts, bound.sequences)
    ways = deal_out(ways, algorithm, key)
    guards = Guards(model, plan, ways)
    limits: dict[str, Any] = {"max_steps": max_steps, "time_limit": time_limit}
    limits["report"] = reporter(progress)
    before, climber = None, algorithm
    if isinstance(algorithm, Prelude):
        before = wander(model, plan, algorithm, ways, starts, guards, key=key, **limits)
        limits |= before.left(max_steps, time_limit)
        starts, climber = before.values, algorithm.algorithm
    stop: dict[str, Any] = {"tolerance": tolerance, "race": race, "finish": finish is not None}
    runner = Runner(model, plan, climber, ways, starts, guards, **stop, **limits)
    runs = runner.run()
    changes = tuple(runner.changes)
    if before is not None:
        runs, changes = before.join(runs), (*before.changes, *changes)
    route = dataclasses.replace(ways.route(), guards=tuple(guards.seen), changes=changes)
    ran = dataclasses.replace(plan, route=route)
    rows = int((weights > 0).sum())
    found = _conclude(model, ran, algorithm, ways, runs, tolerance, rows)
    found = dataclasses.replace(found, method=method_of(algorithm, finish, race))
    return found if before is None else before.told(found)


def _conclude(
    model: Model,
    plan: Plan,
    algorithm: Algorithm,
    ways: Ways,
    runs: Runs,
    tolerance: float,
    rows: int,
) -> Fit:
    """Certify every restart, correct its status, and choose the best."""
    status: list[Status] = list(map(Status, runs.status.tolist()))
    gradient_norm = np.full(len(status), np.nan)
    reasons = [""] * len(status)
    endless: list[tuple[str, ...]] = [()] * len(status)
    cancellation = Cancellation(model, plan, ways)
    for path in np.unique(runs.paths):
        some = np.flatnonzero(runs.paths == path)
        source = ways.source(path, model.latent.cells, len(some))
        landscape = Landscape(model, plan, algorithm, source)
        group = runs.take(some)
        found = examine(landscape, model, plan, group, cancellation, tolerance, rows)
        gradient_norm[some] = found.gradient_norm
        runs = runs.put(some, found.runs)
        for k, restart in enumerate(some):
            status[restart], reasons[restart] = found.status[k], found.reasons[k]
            endless[restart] = found.endless[k]
    infinite = prior_is_infinite(model, plan, runs)
    if infinite.any():  # then a run that stalled did so on the way to infinity
        infinite |= np.asarray([s == Status.STALLED for s in status])
        status = [
            Status.NO_INTERIOR_MODE if i else s for i, s in zip(infinite, status, strict=True)
        ]
        reasons = ["" if i else why for i, why in zip(infinite, reasons, strict=True)]
    best = _best(status, runs.objective)
    restarts = Restarts(
        objective=runs.objective,
        log_likelihood=runs.evidence,
        status=status,
        steps=runs.steps,
        gradient_norm=gradient_norm,
        params=model.nest(runs.values),
        traces=runs.traces,
        best=best,
    )
    return Fit(
        params=pick(restarts.params, best),
        objective=float(runs.objective[best]),
        log_likelihood=float(runs.evidence[best]),
        log_prior=_difference(float(runs.objective[best]), float(runs.evidence[best])),
        status=status[best],
        steps=int(runs.steps[best]),
        trace=runs.traces[best],
        gradient_norm=float(gradient_norm[best]),
        restarts=restarts,
        plan=plan,
        model=model,
        algorithm=algorithm,
        rows=rows,
        endless=endless[best] if status[best] == Status.SEPARATED else (),
        notes=(
            *((reasons[best],) if reasons[best] else ()),
            *_higher(status, runs.objective, best),
            *_kinks(plan),
            *states_in_words(model, runs.counts[best], float(ways.weights.sum()), rows),
            *_paths_left(runs, ways),
        ),
    )


def _kinks(plan: Plan) -> tuple[str, ...]:
    """That a gradient at a kink is one-sided, where the log joint has kinks."""
    if not plan.nonsmooth:
        return ()
    return (
        f"the log joint has kinks in {', '.join(plan.nonsmooth)}: a maximum is at one of them, "
        f"where slopes are one-sided and the gradient norm is not small; standard errors of these "
        f"are those of jaxem.bootstrap",
    )


def _paths_left(runs: Runs, ways: Ways) -> tuple[str, ...]:
    """Restarts that replaced data did not serve."""
    left = int((runs.paths != ways.first).sum())
    if not left:
        return ()
    who = "1 restart" if left == 1 else f"{left} restarts"
    return (f"{who} went on with every row; fit.plan.route.changes says why",)


def _difference(objective: float, evidence: float) -> float:
    """The prior's part; 0 where an impossible start leaves -inf in both."""
    return objective - evidence if np.isfinite(evidence) else 0.0


def _best(status: list[Status], objective: np.ndarray) -> int:
    """The highest objective among the sanest outcomes; of equals, to rounding, the first.

    Finished restarts come before those that are usable and unfinished, whatever these have
    reached: a restart that has stalled may be on its way to where there is no maximum.
    """
    told = (Status.SADDLE, Status.OBJECTIVE_FELL)
    rank = np.asarray([_rank(s, told) for s in status])
    finite = np.where(np.isfinite(objective) & (rank == rank.min()), objective, -np.inf)
    highest = finite.max()
    if highest == -np.inf:
        return int(rank.argmin())
    return int(np.argmax(finite >= highest - 1e-9 * (1 + abs(highest))))


def _rank(status: Status, told: tuple[Status, ...]) -> int:
    if status.finished:
        return 0
    return 1 if status.usable else 2 if status in told else 3


def _higher(status: list[Status], objective: np.ndarray, best: int) -> tuple[str, ...]:
    """Unfinished restarts that stand higher than the best one."""
    if not status[best].finished:
        return ()
    reached = objective[best] + 1e-4 + 1e-7 * abs(objective[best])
    above = [i for i, s in enumerate(status) if s.usable and objective[i] > reached]
    if not above:
        return ()
    top = max(above, key=lambda i: objective[i])
    who = "1 restart" if len(above) == 1 else f"{len(above)} restarts"
    return (
        f"{who} stood higher, at most at {objective[top]:.4f} (restart {top}, "
        f"{status[top]!s}), and did not converge; go on from there with "
        f"init=jax.tree.map(lambda leaf: leaf[{top}], fit.restarts.params)",
    )
