"""What a look at the ends of restarts tells: their status, and why."""

import dataclasses

import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.model import Model
from jaxem.objective.landscape import Landscape
from jaxem.optimise.runs import Runs
from jaxem.optimise.stopping import rounding
from jaxem.status import Status
from jaxem.verdict.cancellation import Cancellation
from jaxem.verdict.collapse import collapsed
from jaxem.verdict.edges import rises_inward
from jaxem.verdict.outward import Outward, outward
from jaxem.verdict.ragged import far_away, is_ragged
from jaxem.verdict.rising import Rise, rises
from jaxem.verdict.stationarity import Certificate, certify

_STATIONARY = (Status.CONVERGED, Status.STALLED)
_LIMITED = (Status.STEP_LIMIT, Status.TIME_LIMIT)
_LEFT = 1e-5


@dataclasses.dataclass(frozen=True)
class Examined:
    """What was found of some restarts.

    Attributes:
        runs: How they ended; those on a boundary are exactly there.
        status: The status of each.
        gradient_norm: Largest entry of the gradient in real coordinates, (R,).
        reasons: For each what a reader should know, in a sentence; empty if nothing.
        endless: For each, where the supremum is at infinity, the names of the coordinates that go
            there or no longer matter.
    """

    runs: Runs
    status: list[Status]
    gradient_norm: np.ndarray
    reasons: list[str]
    endless: list[tuple[str, ...]]


def examine(
    landscape: Landscape,
    model: Model,
    plan: Plan,
    runs: Runs,
    cancellation: Cancellation,
    tolerance: float,
    rows: int,
) -> Examined:
    """Look at the ends of restarts.

    Args:
        landscape: The objective of these restarts.
        model: The declared model.
        plan: Which knows ordinary parameters.
        runs: How the restarts ended.
        cancellation: Who tells objectives from rounding.
        tolerance: Nats that may be left to gain.
        rows: Rows of positive weight.
    """
    claims = np.isin(runs.status, _STATIONARY)
    limited = np.isin(runs.status, _LIMITED)
    found = certify(landscape, runs.values, claims, limited)
    noise = rounding(runs.objective, rows).astype(float)
    fallen = collapsed(landscape, plan, model.free, runs, found.gradient_norm)
    rising = rises(landscape, model, runs, found)
    away = outward(landscape, model, runs, found, noise)
    inward = rises_inward(landscape, plan, model.free, runs)
    garbage = _garbage(cancellation, runs)
    ragged = is_ragged(landscape, found.u, found.objective, noise)
    status, reasons, adopted = [], [], np.zeros(len(claims), bool)
    for r in range(len(runs.status)):
        was, end = Status(int(runs.status[r])), away[r]
        if was in (Status.OBJECTIVE_FELL, Status.IMPOSSIBLE):
            new, why = was, ""
        elif garbage[r]:
            new, why = Status.UNRELIABLE, ""
        elif fallen[r] or rising[r] is not None:
            new, why = Status.DEGENERATE, _rise_in_words(landscape, model, runs, rising[r])
        elif ragged[r] and end is None:
            new, why = _ruled_by_rounding(far_away(landscape, model, runs, r, found.u))
        elif was in _STATIONARY and not np.isfinite(found.gradient_norm[r]):
            new, why = Status.NON_FINITE, ""
        else:
            new, why = _judge(found, r, was, float(inward[r]), tolerance, noise[r], landscape)
            if end is not None and new != Status.SADDLE:
                new, why, adopted[r] = _at_the_end(end, new, runs.objective[r], noise[r])
        status.append(new)
        reasons.append(why)
    moved = _move(landscape, runs, away, adopted)
    separated = [s == Status.SEPARATED for s in status]
    endless = [e.endless if e and s else () for e, s in zip(away, separated, strict=True)]
    return Examined(moved, status, found.gradient_norm, reasons, endless)


def _judge(
    found: Certificate,
    r: int,
    was: Status,
    inward: float,
    tolerance: float,
    noise: float,
    landscape: Landscape,
) -> tuple[Status, str]:
    """The status of a restart that neither collapsed nor goes outwards."""
    if was not in _STATIONARY:
        return was, ""
    escape, climb, left = float(found.escape[r]), float(found.climb[r]), float(found.left[r])
    plateau = float(found.plateau[r])
    notable = max(1e-3, 1e3 * tolerance, 100 * noise)
    if max(escape, inward) > notable and max(escape, inward) > climb:
        return Status.SADDLE, ""
    if climb > max(_LEFT, 1e3 * tolerance, 10 * noise):
        return Status.STALLED, (
            f"the objective still rises by {climb:.2g} along its gradient, which the steps of "
            f'the algorithm do not follow; try finish="newton", or look in fit.plan for the '
            f"parameter that is not solved exactly"
        )
    if plateau > max(notable, climb):
        return Status.STALLED, (
            f"the objective is flat to second order where the restart ended, and rises by "
            f"{plateau:.2g} further along: a plateau, where two states may be one, and no maximum"
        )
    if left > max(1e-3, 1e3 * tolerance, 10 * noise):
        return Status.STALLED, (
            f"{left:.2g} nats are left to gain, which single precision hides; turn on "
            f"jax_enable_x64"
        )
    return Status.CONVERGED, ""


def _ruled_by_rounding(far: str) -> tuple[Status, str]:
    """The status of a restart whose objective is rounding, and why."""
    if not far:
        return Status.UNRELIABLE, ""
    return (
        Status.DEGENERATE,
        f"the objective rose with {far}, until nothing was left but rounding",
    )


def _at_the_end(end: Outward, was: Status, objective: float, noise: float):
    """The status of a restart that goes outwards, why, and whether it is put there."""
    if end.infinite:
        if not end.at_rest:
            return was, "", False
        return (
            Status.SEPARATED,
            f"the objective rises towards a supremum at infinity: {_list(end.infinite)}; a "
            f"prior that is not flat on them gives a maximum",
            False,
        )
    there = end.objective >= objective - noise
    status = Status.CONVERGED if end.at_rest and there else was
    why = f"on the boundary of the support, without a standard error: {_list(end.edge)}"
    return status, why, bool(there and end.at_rest)


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")


def _rise_in_words(landscape: Landscape, model: Model, runs: Runs, rise: Rise | None) -> str:
    if rise is None:
        return ""
    part = "log prior" if rise.by_prior else "log likelihood"
    return f"the {part} grows without bound with {rise.words(model, landscape, runs)}"


def _garbage(cancellation: Cancellation, runs: Runs) -> np.ndarray:
    """Which objectives are rounding, of those that might win and those that are infinite."""
    claims = np.isfinite(runs.objective) & np.asarray([Status(int(s)).usable for s in runs.status])
    infinite = runs.status == Status.DEGENERATE
    score = np.where(infinite, np.inf, np.where(claims, runs.objective, -np.inf))
    order = np.argsort(-score, kind="stable")
    order = order[(claims | infinite)[order]]
    return cancellation.dominates(runs.values, order, runs.candidates, infinite & (runs.steps > 0))


def _move(
    landscape: Landscape,
    runs: Runs,
    away: list[Outward | None],
    adopted: np.ndarray,
) -> Runs:
    """The runs, those on a boundary put exactly there."""
    if not adopted.any():
        return runs
    values = {name: leaf.copy() for name, leaf in runs.values.items()}
    objective, evidence = runs.objective.copy(), runs.evidence.copy()
    for r in np.flatnonzero(adopted):
        end = away[r]
        assert end is not None
        near = {name: leaf[r : r + 1] for name, leaf in runs.values.items()}
        there = landscape.values(end.u[None], near)
        prior = float(landscape.log_priors(there)[0])
        for name, leaf in there.items():
            values[name][r] = leaf[0]
        objective[r], evidence[r] = end.objective, end.objective - prior
        runs.traces[r][-1] = end.objective
    return dataclasses.replace(runs, values=values, objective=objective, evidence=evidence)
