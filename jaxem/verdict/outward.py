r"""Suprema that no parameters reach, and maxima on the boundary of a support.

The coefficients of a gate that separates the rows grow for ever: the objective rises towards a
finite supremum at infinity. In real coordinates a maximum on the boundary of an interval looks the
same. Both are recognised by where a restart ended: some coordinates hardly curve; moved together
further out they change the objective by next to nothing; moved back they lower it. (Parameters
that nothing depends on pass the first test, and not the last.) Where the values themselves go to a
limit it is a boundary, and the restart is put there; where they grow, the supremum is at infinity.
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

_OUT = np.log([2.0, 4.0])
_BACK = np.array([-1.0, -3.0, -9.0])
_NOTHING = 1e-3
_LOSS = 0.1
_LIMITED = (Status.STEP_LIMIT, Status.TIME_LIMIT)


@dataclasses.dataclass(frozen=True)
class Outward:
    """Coordinates of one restart that go outwards.

    Attributes:
        infinite: In words, those whose values grow without bound, such as "gate[1] to +infinity".
        edge: In words, those on the boundary of their support.
        endless: Names of all coordinates that no longer curve there, as in
            `chart.coordinate_names`: those that go, and those that have ceased to matter beside
            them.
        u: Coordinates further out, (d,).
        objective: The objective there.
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
    """For each restart what goes outwards, or None.

    Args:
        landscape: The objective.
        model: The declared model.
        runs: How the restarts ended.
        found: Their certificates, with second derivatives.
        noise: What may be rounding of the objective, (R,).
    """
    out: list[Outward | None] = [None] * len(runs.objective)
    if found.curvature is None:
        return out
    places = places_of(landscape, found.u)
    may = _may_go(landscape, model, found.u)
    claims = np.isin(runs.status, (Status.CONVERGED, Status.STALLED, *_LIMITED))
    with np.errstate(all="ignore"):
        for r in np.flatnonzero(claims & np.isfinite(runs.objective)).tolist():
            place = places[r]
            bend = np.abs(np.diagonal(found.curvature[r])) * place.unit**2
            slope = np.abs(found.gradient[r]) * place.unit
            going = may[r] & landscape.moving & (slope < NOT_AT_REST) & (bend < FLAT)
            for some in (going, going & (bend < 1e-6)):
                if some.any() and out[r] is None:
                    out[r] = _look(landscape, model, runs, found, r, place, some, noise[r])
    return out


def _look(
    landscape: Landscape,
    model: Model,
    runs: Runs,
    found: Certificate,
    r: int,
    place: Place,
    going: np.ndarray,
    noise: float,
) -> Outward | None:
    """Move some coordinates of a restart out and back, together and each alone."""
    logs = landscape.unitless & ~landscape.other
    tried = [_out(place, going, logs), _scaled(place, going, _BACK)]
    value, _ = landscape.at(np.concatenate(tried))
    change = value - found.objective[r]
    if not (np.abs(change[:2]) <= _NOTHING + noise).all() or not np.nanmin(change[2:]) < -_LOSS:
        return None
    which = np.flatnonzero(going)
    each = [_scaled(place, np.arange(len(going)) == k, _BACK) for k in which]
    alone = landscape.at(np.concatenate(each))[0].reshape(len(which), -1) - found.objective[r]
    lost = np.nanmin(alone, 1) < -_LOSS / 10
    needed = which[lost] if lost.any() else which
    outer = _out(place, np.isin(np.arange(len(going)), needed), logs)[-1:]
    there, slope = landscape.at(outer)
    rest = np.flatnonzero(landscape.moving & ~going)
    bent = found.curvature[r][None][:, rest[:, None], rest]  # pyright: ignore[reportOptionalSubscript]
    left = newton_steps(outer, slope, bent, rest, place.unit[None], landscape.is_single)[1]
    infinite, edge = _words(landscape, model, runs, r, place, outer, needed)
    quiet = bool(np.isfinite(slope).all() and left[0] <= _NOTHING + noise)
    names = free_names(model, {name: leaf[r] for name, leaf in runs.values.items()})
    endless = tuple(names[k] for k in which)
    return Outward(infinite, edge, endless, outer[0], float(there[0]), quiet)


def _out(place: Place, going: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Some coordinates twice and four times as far out, (2, d); of logarithms, the values.

    Degrees of freedom squared would be beyond what a density of them is computed for.
    """
    return np.where(logs & going, place.u + _OUT[:, None], _scaled(place, going, _OUT))


def _scaled(place: Place, going: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Some coordinates further from 0, or from what is ordinary, by factors of e, (t, d)."""
    centre = np.where(place.unitless, place.reference, 0.0)
    scaled = centre + (place.u - centre) * np.exp(lengths[:, None])
    return np.where(going, scaled, place.u)


def _may_go(landscape: Landscape, model: Model, u: np.ndarray) -> np.ndarray:
    """Coordinates that could be on such a way, (R, d): not those that EM itself takes to zero."""
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
    """Which of the coordinates go to infinity and which to an edge."""
    near = {name: leaf[r : r + 1] for name, leaf in runs.values.items()}
    there = landscape.values(outer, near)
    infinite, edge, start = [], [], 0
    for p, width in zip(model.free, landscape.widths, strict=True):
        names = coordinate_names(p, near[p.name][0])
        before, after = np.abs(near[p.name][0]).max(initial=0), np.abs(there[p.name]).max(initial=0)
        for k in needed[(needed >= start) & (needed < start + width)]:
            if not p.support.has_chart and not after > 1.5 * before + 1.0:
                edge.append(names[k - start].removeprefix("unconstrained "))
            else:
                sign = "+" if outer[0, k] > place.u[k] else "-"
                name = names[k - start].removeprefix("log ")
                infinite.append(f"{name.removeprefix('unconstrained ')} to {sign}infinity")
        start += width
    return tuple(infinite), tuple(edge)
