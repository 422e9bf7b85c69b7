"""`fit`: the fit of a declared model to data."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxem.algorithm import EM, Algorithm, WarmUp
from jaxem.compiled.stopwatch import Stopwatch, announcing
from jaxem.data.dealing import deal_out
from jaxem.data.fit_data import FitData, find_fit_data
from jaxem.fitting.judge import judge
from jaxem.fitting.known import evaluate
from jaxem.fitting.method import method_of
from jaxem.fitting.options import check_draws, check_finish, check_named, check_options, check_room
from jaxem.fitting.result import Fit
from jaxem.fitting.traced import check_concrete
from jaxem.initial import Setting
from jaxem.initial.setting import prepare
from jaxem.model import Model
from jaxem.model.binding import Declaration, bind_steps
from jaxem.model.declaration import check_declaration, check_params
from jaxem.optimise.race import Race
from jaxem.optimise.runner import Runner
from jaxem.optimise.runs import Progress, Runs, announcer, reporter
from jaxem.optimise.starts import make_starts
from jaxem.optimise.warm_up import warm_up
from jaxem.optimise.warmed import WarmedUp
from jaxem.optimise.watch import Guards
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
        algorithm: The algorithm, ``EM()`` if left out; ``Squarem()`` or ``Anderson()``, faster;
            ``Annealed(...)`` or ``Stochastic(...)``, which warm up first;
            ``Online(batch_size=...)`` or ``Incremental(batch_size=...)``, for many rows.
        finish: "newton" climbs to the top where EM has become slow, by a quasi-Newton method on the
            exact gradient; each gradient counts as a step. None leaves all to the algorithm.
        tolerance: Nats that may remain to be gained (Aitken's estimate). 0 runs all ``max_steps``.
        max_steps: Limit of EM steps, or evaluations of the EM map, those of a warm-up included.
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
    watch = Stopwatch()
    with announcing(announcer(progress)):
        with watch.stage("plan"):
            bound = bind_steps(model, data, lengths)
            given = bound.weigh(weights)
            _check_asked(bound.model, algorithm, finish, restarts, given)
            if init is not None and not callable(init):
                init = check_params(bound.model, init, "init", restarts)
            if not bound.model.free:
                check_declaration(bound.model, bound.rows)
                return evaluate(bound, given, algorithm)
            setting = prepare(bound, given)
            fit_data = deal_out(find_fit_data(setting, algorithm, restarts), algorithm, key)
            setting = dataclasses.replace(setting, anchors=fit_data.found)
            starts = make_starts(setting, init, restarts, key)
            guards = Guards(setting.model, setting.plan, fit_data)
        with watch.stage("steps"):
            limits: dict[str, Any] = {"max_steps": max_steps, "time_limit": time_limit}
            limits["report"] = reporter(progress)
            stop = {"tolerance": tolerance, "race": race, "finish": finish is not None}
            ran = _optimise(setting, algorithm, fit_data, starts, guards, key, limits, stop)
        with watch.stage("judge"):
            route = fit_data.route()
            route = dataclasses.replace(route, guards=tuple(guards.seen), changes=ran.changes)
            plan = dataclasses.replace(setting.plan, route=route)
            ended = dataclasses.replace(setting, plan=plan)
            found = judge(ended, algorithm, fit_data, ran.runs, tolerance)
    method = method_of(algorithm, finish, race)
    found = dataclasses.replace(found, method=method, seconds=watch.seconds())
    if ran.before is None:
        return found
    notes = (*found.notes, ran.before.words)
    return dataclasses.replace(found, warm_up_steps=ran.before.steps, notes=notes)


def _check_asked(
    model: Model, algorithm: Algorithm, finish: str | None, restarts: int, weights: np.ndarray
) -> None:
    """Check that the options suit this model."""
    check_room(model, restarts)
    check_named(model, algorithm)
    check_finish(model, algorithm, finish)
    check_draws(model, algorithm, weights)


class _Ran(NamedTuple):
    """The ends of the restarts.

    Attributes:
        runs: All restarts.
        changes: Restarts that changed their path through the data, and why, in words.
        before: The warm-up, or None.
    """

    runs: Runs
    changes: tuple[str, ...]
    before: WarmedUp | None


def _optimise(
    setting: Setting,
    algorithm: Algorithm,
    fit_data: FitData,
    starts: dict[str, np.ndarray],
    guards: Guards,
    key: Any,
    limits: dict[str, Any],
    stop: dict[str, Any],
) -> _Ran:
    """The ends of the algorithm, after its warm-up if it has one, from every start."""
    model, plan = setting.model, setting.plan
    before, climber = None, algorithm
    if isinstance(algorithm, WarmUp):
        before = warm_up(model, plan, algorithm, fit_data, starts, guards, key=key, **limits)
        limits |= before.remaining(limits["max_steps"], limits["time_limit"])
        starts, climber = before.values, algorithm.algorithm
    runner = Runner(model, plan, climber, fit_data, starts, guards, **stop, **limits)
    runs, changes = runner.run(), tuple(runner.changes)
    if before is not None:
        runs, changes = before.join(runs), (*before.changes, *changes)
    return _Ran(runs, changes, before)
