"""The `Fit` of restarts that have ended: each is verified, and the best one chosen."""

import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.data.fit_data import FitData
from jaxem.fitting.result import Fit, Restarts
from jaxem.fitting.save import pick
from jaxem.initial import Setting
from jaxem.objective.landscape import Landscape
from jaxem.optimise.runs import Runs
from jaxem.status import Status
from jaxem.verdict.cancellation import Cancellation
from jaxem.verdict.edges import prior_is_infinite
from jaxem.verdict.examine import examine
from jaxem.verdict.few import states_in_words


def judge(
    setting: Setting,
    algorithm: Algorithm,
    fit_data: FitData,
    runs: Runs,
    tolerance: float,
) -> Fit:
    """The fit: the status of every restart verified, and the best restart chosen.

    Args:
        setting: The model, its rows, and its plan with the route that these took.
        algorithm: The algorithm that was run.
        fit_data: The data, and the paths through them.
        runs: The ends of the restarts.
        tolerance: Nats that may remain to be gained.
    """
    model, plan = setting.model, setting.plan
    rows = int((setting.weights > 0).sum())
    status: list[Status] = list(map(Status, runs.status.tolist()))
    gradient_norm = np.full(len(status), np.nan)
    reasons = [""] * len(status)
    endless: list[tuple[str, ...]] = [()] * len(status)
    cancellation = Cancellation(model, plan, fit_data)
    for path in np.unique(runs.paths):
        on_path = np.flatnonzero(runs.paths == path)
        source = fit_data.source(path, model.latent.configurations, len(on_path))
        landscape = Landscape(model, plan, algorithm, source)
        group = runs.take(on_path)
        found = examine(landscape, model, plan, group, cancellation, tolerance, rows)
        gradient_norm[on_path] = found.gradient_norm
        runs = runs.put(on_path, found.runs)
        for k, restart in enumerate(on_path):
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
            *states_in_words(model, runs.counts[best], float(fit_data.weights.sum()), rows),
            *_paths_left(runs, fit_data),
        ),
    )


def _kinks(plan: Plan) -> tuple[str, ...]:
    """A note on one-sided gradients, where the log joint has kinks."""
    if not plan.nonsmooth:
        return ()
    return (
        f"the log joint has kinks in {', '.join(plan.nonsmooth)}: a maximum is at one of them, "
        f"where slopes are one-sided and the gradient norm is not small; standard errors of these "
        f"are those of jaxem.bootstrap",
    )


def _paths_left(runs: Runs, fit_data: FitData) -> tuple[str, ...]:
    """A note on the restarts that did not stay on replaced data."""
    count = int((runs.paths != fit_data.first).sum())
    if not count:
        return ()
    who = "1 restart" if count == 1 else f"{count} restarts"
    return (f"{who} went on with every row; fit.plan.route.changes says why",)


def _difference(objective: float, evidence: float) -> float:
    """The log prior; 0 where an impossible start makes objective and evidence -inf."""
    return objective - evidence if np.isfinite(evidence) else 0.0


def _best(status: list[Status], objective: np.ndarray) -> int:
    """Index of the best restart: of the best rank the highest objective, of equals the first.

    Finished restarts come before others that are usable, however high these are: a restart that
    has stalled may be on its way to where there is no maximum.
    """
    rank = np.asarray([_rank(s) for s in status])
    finite = np.where(np.isfinite(objective) & (rank == rank.min()), objective, -np.inf)
    highest = finite.max()
    if highest == -np.inf:
        return int(rank.argmin())
    return int(np.argmax(finite >= highest - 1e-9 * (1 + abs(highest))))


def _rank(status: Status) -> int:
    """Finished restarts 0, other usable ones 1, those at a finite objective 2, all others 3."""
    if status.finished:
        return 0
    if status.usable:
        return 1
    return 2 if status in (Status.SADDLE, Status.OBJECTIVE_FELL) else 3


def _higher(status: list[Status], objective: np.ndarray, best: int) -> tuple[str, ...]:
    """A note on unfinished restarts whose objective is higher than that of the best one."""
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
