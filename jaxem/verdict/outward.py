r"""Limits of restarts: suprema that no parameters reach, and maxima on the boundary of a support.

The coefficients of a gate that separates the rows grow for ever: the objective rises towards a
finite supremum at infinity. In real coordinates a maximum on the boundary of an interval is at
infinity, too. Both are recognised where a restart ended: along some coordinates the objective has
hardly any curvature; moved together further out they leave the objective as it is; moved back they
lower it. (Coordinates that nothing depends on pass the first test, and not the last.) Where the
parameters themselves converge the limit is on the boundary, and the restart is put there; where
they grow, the supremum is at infinity.
"""

import dataclasses

import numpy as np

from jaxem.likelihood.chart import coordinate_names, free_names
from jaxem.model import Model
from jaxem.objective.landscape import Landscape
from jaxem.optimise.runs import Runs
from jaxem.status import Status
from jaxem.supports import PositiveNumbers
from jaxem.verdict.promise import newton_steps
from jaxem.verdict.rays import NOT_AT_REST, Place, places_of
from jaxem.verdict.stationarity import FLAT, Certificate

#: Logarithms of the factors by which coordinates are moved outwards and back.
_OUT = np.log([2.0, 4.0])
_BACK = np.array([-1.0, -3.0, -9.0])

#: Nats that a move outwards may change, and that a move back must lose.
_UNCHANGED, _LOSS = 1e-3, 0.1

#: Statuses of restarts that a limit stopped.
_LIMITED = (Status.STEP_LIMIT, Status.TIME_LIMIT)


@dataclasses.dataclass(frozen=True)
class Outward:
    """The limit that one restart goes to.

    Attributes:
        infinite: The parameters that grow without bound, in words, such as "gate[1] to +infinity".
        edge: The parameters that converge to the boundary of their support, in words.
        endless: Names, as in `chart.coordinate_names`, of all coordinates without curvature at the
            limit: those that go to it, and those that no longer affect the objective there.
        u: Coordinates further out, which stand for the limit, (d,).
        objective: The objective at ``u``.
        at_rest: Whether all other coordinates are at a maximum.
    """

    infinite: tuple[str, ...]
    edge: tuple[str, ...]
    endless: tuple[str, ...]
    u: np.ndarray
    objective: float
    at_rest: bool


def outward(
    landscape: Landscape, model: Model, runs: Runs, found: Certificate, noise: np.ndarray
) -> list[Outward | None]:
    """The limit of each restart, or None if it goes to none.

    Args:
        landscape: The objective function.
        model: The declared model.
        runs: The ends of the restarts.
        found: Their certificates, with second derivatives.
        noise: Bound of the rounding of the objective, (R,).
    """
    out: list[Outward | None] = [None] * len(runs.objective)
    if found.curvature is None:
        return out
    places = places_of(landscape, found.u)
    may_go = _may_go(landscape, model, found.u)
    eligible = np.isin(runs.status, (Status.CONVERGED, Status.STALLED, *_LIMITED))
    with np.errstate(all="ignore"):
        for r in np.flatnonzero(eligible & np.isfinite(runs.objective)).tolist():
            place = places[r]
            curvature = np.abs(np.diagonal(found.curvature[r])) * place.unit**2
            slope = np.abs(found.gradient[r]) * place.unit
            going = may_go[r] & landscape.moving & (slope < NOT_AT_REST) & (curvature < FLAT)
            for subset in (going, going & (curvature < 1e-6)):
                if subset.any() and out[r] is None:
                    out[r] = _limit(landscape, model, runs, found, r, place, subset, noise[r])
    return out


def _limit(
    landscape: Landscape,
    model: Model,
    runs: Runs,
    found: Certificate,
    r: int,
    place: Place,
    going: np.ndarray,
    noise: float,
) -> Outward | None:
    """The limit of a restart along some coordinates, by moves out and back, or None."""
    logs = landscape.unitless & ~landscape.other
    tried = [_out(place, going, logs), _scaled(place, going, _BACK)]
    value, _ = landscape.at(np.concatenate(tried))
    change = value - found.objective[r]
    if not (np.abs(change[:2]) <= _UNCHANGED + noise).all() or not np.nanmin(change[2:]) < -_LOSS:
        return None
    which = np.flatnonzero(going)
    each = [_scaled(place, np.arange(len(going)) == k, _BACK) for k in which]
    alone = landscape.at(np.concatenate(each))[0].reshape(len(which), -1) - found.objective[r]
    lost = np.nanmin(alone, 1) < -_LOSS / 10
    needed = which[lost] if lost.any() else which
    outer = _out(place, np.isin(np.arange(len(going)), needed), logs)[-1:]
    value, slope = landscape.at(outer)
    rest = np.flatnonzero(landscape.moving & ~going)
    curvature = found.curvature[r][None][:, rest[:, None], rest]  # pyright: ignore[reportOptionalSubscript]
    units = place.unit[None]
    _, predicted = newton_steps(outer, slope, curvature, rest, units, landscape.is_single)
    infinite, edge = _words(landscape, model, runs, r, place, outer, needed)
    at_rest = bool(np.isfinite(slope).all() and predicted[0] <= _UNCHANGED + noise)
    names = free_names(model, {name: leaf[r] for name, leaf in runs.values.items()})
    endless = tuple(names[k] for k in which)
    return Outward(infinite, edge, endless, outer[0], float(value[0]), at_rest)


def _out(place: Place, going: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Some coordinates two and four times as large, (2, d); logarithms plus the log of these.

    (Twice the logarithm of degrees of freedom would be out of the range of their density.)
    """
    return np.where(logs & going, place.u + _OUT[:, None], _scaled(place, going, _OUT))


def _scaled(place: Place, going: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Some coordinates moved from 0, or from the reference, by factors exp(lengths), (t, d)."""
    centre = np.where(place.unitless, place.reference, 0.0)
    scaled = centre + (place.u - centre) * np.exp(lengths[:, None])
    return np.where(going, scaled, place.u)


def _may_go(landscape: Landscape, model: Model, u: np.ndarray) -> np.ndarray:
    """Coordinates that may go to a limit, (R, d); not logarithms that go to -infinity."""
    grows = [isinstance(p.support, PositiveNumbers) for p in model.free]
    reference, both_ways = landscape.reference(), ~landscape.unitless | landscape.other
    up = np.repeat(grows, landscape.widths) & (u > reference)
    return np.isfinite(u) & (u != reference) & (both_ways | up)


def _words(
    landscape: Landscape,
    model: Model,
    runs: Runs,
    r: int,
    place: Place,
    outer: np.ndarray,
    needed: np.ndarray,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The parameters that go to infinity, and those that go to the boundary, in words."""
    near = {name: leaf[r : r + 1] for name, leaf in runs.values.items()}
    at_limit = landscape.values(outer, near)
    infinite, edge, start = [], [], 0
    for p, width in zip(model.free, landscape.widths, strict=True):
        names = coordinate_names(p, near[p.name][0])
        before = np.abs(near[p.name][0]).max(initial=0)
        after = np.abs(at_limit[p.name]).max(initial=0)
        for k in needed[(needed >= start) & (needed < start + width)]:
            if not p.support.has_chart and not after > 1.5 * before + 1.0:
                edge.append(names[k - start].removeprefix("unconstrained "))
            else:
                sign = "+" if outer[0, k] > place.u[k] else "-"
                name = names[k - start].removeprefix("log ")
                infinite.append(f"{name.removeprefix('unconstrained ')} to {sign}infinity")
        start += width
    return tuple(infinite), tuple(edge)
