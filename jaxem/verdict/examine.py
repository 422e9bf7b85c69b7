"""The verdict on the ends of restarts: their status, verified or corrected, and why."""

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
from jaxem.verdict.rising import Rise, rises
from jaxem.verdict.rough import far_away, is_rough
from jaxem.verdict.stationarity import Certificate, certify

#: Statuses that claim a stationary point, and are verified.
_TO_VERIFY = (Status.CONVERGED, Status.STALLED)

#: Statuses of restarts that a limit stopped.
_LIMITED = (Status.STEP_LIMIT, Status.TIME_LIMIT)

#: Nats that a walk along the gradient may gain at a verified maximum, at least.
_CLIMB = 1e-5


@dataclasses.dataclass(frozen=True)
class Examined:
    """The verdict on some restarts.

    Attributes:
        runs: The ends of the restarts; those on a boundary are exactly on it.
        status: The verified status of each.
        gradient_norm: Largest entry of the gradient in real coordinates, (R,).
        reasons: A sentence for each restart that explains its status; empty if none is needed.
        endless: For each separated restart the names of the coordinates that go to infinity, and of
            those that no longer affect the objective; empty for all others.
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
    """Verify the statuses of restarts at their ends.

    Args:
        landscape: The objective function of these restarts.
        model: The declared model.
        plan: The plan, which has ordinary parameters.
        runs: The ends of the restarts.
        cancellation: The check for objectives that are dominated by rounding.
        tolerance: Nats that may remain to be gained.
        rows: Number of rows of positive weight.
    """
    to_verify = np.isin(runs.status, _TO_VERIFY)
    limited = np.isin(runs.status, _LIMITED)
    certificate = certify(landscape, runs.values, to_verify, limited)
    noise = rounding(runs.objective, rows).astype(float)
    has_collapsed = collapsed(landscape, plan, model.free, runs, certificate.gradient_norm)
    rising = rises(landscape, model, runs, certificate)
    limits = outward(landscape, model, runs, certificate, noise)
    inward = rises_inward(landscape, plan, model.free, runs)
    unreliable = _dominated_by_rounding(cancellation, runs)
    rough = is_rough(landscape, certificate.u, certificate.objective, noise)
    status, reasons, adopted = [], [], np.zeros(len(to_verify), bool)
    for r in range(len(runs.status)):
        claimed, limit = Status(int(runs.status[r])), limits[r]
        if claimed in (Status.OBJECTIVE_FELL, Status.IMPOSSIBLE):
            new, why = claimed, ""
        elif unreliable[r]:
            new, why = Status.UNRELIABLE, ""
        elif has_collapsed[r] or rising[r] is not None:
            new, why = Status.DEGENERATE, _rise_in_words(landscape, model, runs, rising[r])
        elif rough[r] and limit is None:
            new, why = _status_if_rough(far_away(landscape, model, runs, r, certificate.u))
        elif claimed in _TO_VERIFY and not np.isfinite(certificate.gradient_norm[r]):
            new, why = Status.NON_FINITE, ""
        else:
            new, why = _judge(certificate, r, claimed, float(inward[r]), tolerance, noise[r])
            if limit is not None and new != Status.SADDLE:
                new, why, adopted[r] = _status_at_limit(
                    limit, new, why, runs.objective[r], noise[r]
                )
        status.append(new)
        reasons.append(why)
    adjusted = _put_on_boundary(landscape, runs, limits, adopted)
    separated = [s == Status.SEPARATED for s in status]
    endless = [o.endless if o and s else () for o, s in zip(limits, separated, strict=True)]
    return Examined(adjusted, status, certificate.gradient_norm, reasons, endless)


def _judge(
    certificate: Certificate,
    r: int,
    claimed: Status,
    inward: float,
    tolerance: float,
    noise: float,
) -> tuple[Status, str]:
    """The status of a restart that neither collapsed nor goes to a limit, and why.

    Args:
        certificate: The certificates of all restarts.
        r: Index of the restart.
        claimed: The status that it ended with.
        inward: Increase of the objective when tiny entries are moved inward.
        tolerance: Nats that may remain to be gained.
        noise: Bound of the rounding of the objective.
    """
    if claimed not in _TO_VERIFY:
        return claimed, ""
    # Increases of the objective: along the most upward direction, along the gradient or a Newton
    # step, along a flat direction; and the one that a Newton step predicts.
    escape, climb = float(certificate.escape[r]), float(certificate.climb[r])
    plateau, predicted = float(certificate.plateau[r]), float(certificate.predicted[r])
    notable = max(1e-3, 1e3 * tolerance, 100 * noise)
    if max(escape, inward) > notable and max(escape, inward) > climb:
        return Status.SADDLE, ""
    if climb > max(_CLIMB, 1e3 * tolerance, 10 * noise):
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
    if predicted > max(1e-3, 1e3 * tolerance, 10 * noise):
        return Status.STALLED, (
            f"{predicted:.2g} nats remain to be gained, which single precision hides; turn on "
            f"jax_enable_x64"
        )
    return Status.CONVERGED, ""


def _status_if_rough(far: str) -> tuple[Status, str]:
    """The status of a restart whose objective is rough, and why.

    Args:
        far: The coordinates that are far from the reference, in words.
    """
    if not far:
        return Status.UNRELIABLE, ""
    return (
        Status.DEGENERATE,
        f"the objective rose with {far}, until rounding dominated it",
    )


def _status_at_limit(
    limit: Outward, status: Status, reason: str, objective: float, noise: float
) -> tuple[Status, str, bool]:
    """The status of a restart that goes to a limit, why, and whether it is put on the boundary.

    Args:
        limit: Where it goes.
        status: Its status without the limit.
        reason: Why it has that status, in words.
        objective: Its objective.
        noise: Bound of the rounding of the objective.
    """
    if limit.infinite:
        if not limit.at_rest:
            return status, reason, False
        return (
            Status.SEPARATED,
            f"the objective rises towards a supremum at infinity: {_list(limit.infinite)}; a "
            f"prior that is not flat on them gives a maximum",
            False,
        )
    edge = _list(limit.edge)
    if not (limit.at_rest and limit.objective >= objective - noise):
        close = f"close to the boundary of the support, and not on it: {edge}"
        return status, "; ".join(filter(None, (reason, close))), False
    why = f"on the boundary of the support, without a standard error: {edge}"
    return Status.CONVERGED, why, True


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")


def _rise_in_words(landscape: Landscape, model: Model, runs: Runs, rise: Rise | None) -> str:
    if rise is None:
        return ""
    part = "log prior" if rise.by_prior else "log likelihood"
    return f"the {part} grows without bound with {rise.words(model, landscape, runs)}"


def _dominated_by_rounding(cancellation: Cancellation, runs: Runs) -> np.ndarray:
    """Whether rounding dominates the objective, (R,), of restarts that might be chosen.

    Where the objective became infinite, the candidate that made it so is checked.
    """
    usable = np.isfinite(runs.objective) & np.asarray([Status(int(s)).usable for s in runs.status])
    infinite = runs.status == Status.DEGENERATE
    score = np.where(infinite, np.inf, np.where(usable, runs.objective, -np.inf))
    order = np.argsort(-score, kind="stable")
    order = order[(usable | infinite)[order]]
    return cancellation.dominates(runs.values, order, runs.candidates, infinite & (runs.steps > 0))


def _put_on_boundary(
    landscape: Landscape,
    runs: Runs,
    limits: list[Outward | None],
    adopted: np.ndarray,
) -> Runs:
    """The runs, with some restarts put exactly on the boundary of the support.

    Args:
        landscape: The objective function.
        runs: The ends of the restarts.
        limits: The limit of each restart.
        adopted: Whether to put each on it, (R,).
    """
    if not adopted.any():
        return runs
    values = {name: leaf.copy() for name, leaf in runs.values.items()}
    objective, evidence = runs.objective.copy(), runs.evidence.copy()
    for r in np.flatnonzero(adopted):
        limit = limits[r]
        assert limit is not None
        near = {name: leaf[r : r + 1] for name, leaf in runs.values.items()}
        at_limit = landscape.values(limit.u[None], near)
        prior = float(landscape.log_priors(at_limit)[0])
        for name, leaf in at_limit.items():
            values[name][r] = leaf[0]
        objective[r], evidence[r] = limit.objective, limit.objective - prior
        runs.traces[r][-1] = limit.objective
    return dataclasses.replace(runs, values=values, objective=objective, evidence=evidence)
