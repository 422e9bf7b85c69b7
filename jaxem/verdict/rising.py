r"""Rises without bound from where a restart ended, along rays.

At a maximum the objective falls along every ray. Where a density degenerates it rises by the same
amount for every factor of e, or faster: the scale of a component on equal rows goes to zero,
however the model is written (an interval, a softplus, a square, two parameters together), and so
does a free scale of a prior around one value. The same walk finds rises of the likelihood and of
the prior, and the log prior alone tells them apart. A rise whose gains shrink has a bound.
"""

import dataclasses
from functools import partial

import numpy as np

from jaxem.likelihood.chart import free_names
from jaxem.model import Model
from jaxem.objective.landscape import Landscape
from jaxem.optimise.runs import Runs
from jaxem.status import Status
from jaxem.verdict.rays import Place, Ray, places_of, points, rays_from
from jaxem.verdict.stationarity import Certificate

#: Lengths along a ray.
_LENGTHS = np.array([1 / 3, 1.0, 3.0, 9.0])

#: Nats that a rise without bound gains at the longest length, and at the shortest, at least.
_GAIN, _LEAST = 0.5, 0.1

#: Share of its first slope that a rise without bound keeps.
_STEADY = 0.4

#: Ordinary distances from the reference beyond which a coordinate is far, and size below which a
#: real number is near zero.
_FAR, _NEAR_ZERO = 9.0, 1e-4

#: Coordinates that a sentence names, at most.
_NAMED = 6

#: Statuses of restarts that were not stopped by a limit.
_OWN_ENDS = (Status.CONVERGED, Status.STALLED, Status.NON_FINITE, Status.DEGENERATE)


@dataclasses.dataclass(frozen=True)
class Rise:
    """A ray along which the objective rises without bound.

    Attributes:
        place: The end of the restart, where it begins.
        ray: The ray, in the direction of the rise.
        by_prior: Whether most of the rise is the log prior's.
    """

    place: Place
    ray: Ray
    by_prior: bool

    def words(self, model: Model, landscape: Landscape, runs: Runs) -> str:
        """The coordinates that move, and which way, in words, the fastest first."""
        relative = self.place.relative(self.ray.direction, self.ray.multiplied)
        near = {name: leaf[self.ray.restart] for name, leaf in runs.values.items()}
        names = free_names(model, near)
        order = np.argsort(-np.abs(relative), kind="stable")[:_NAMED]
        told = []
        for k in order[np.abs(relative[order]) > 0.1 * np.abs(relative).max()]:
            size = self.ray.multiplied and not landscape.unitless[k]
            rises = relative[k] * (np.sign(self.place.u[k]) if size else 1) > 0
            told.append(f"{'size of ' if size else ''}{names[k]} {'up' if rises else 'down'}")
        return ", ".join(told)


def rises(landscape: Landscape, model: Model, runs: Runs, found: Certificate) -> list[Rise | None]:
    """The rise without bound of each restart, or None if it has none.

    Args:
        landscape: The objective function.
        model: The declared model.
        runs: The ends of the restarts. One that a limit stopped may be far from its maximum, so
            only rays along coordinates that are far from the reference count.
        found: Their certificates.
    """
    out: list[Rise | None] = [None] * len(runs.objective)
    if not found.u.shape[1] or landscape.is_single:  # rises are often rounding then
        return out
    places = places_of(landscape, found.u)
    with np.errstate(all="ignore"):
        movement = landscape.coordinates(runs.candidates) - found.u
        rays: list[Ray] = []
        finite = np.isfinite(runs.objective) & np.isfinite(found.u).all(1)
        for r in np.flatnonzero(finite).tolist():
            own = rays_from(r, places[r], found, movement[r], landscape.moving)
            if not np.isin(runs.status[r], _OWN_ENDS):
                own = [ray for ray in map(partial(_far_part, places[r]), own) if ray is not None]
            rays += own
        if not rays:
            return out
        far = [_is_far(places[r.restart], r) or _is_lost(runs, r) for r in rays]
        kept = _which_may_rise(_gains(landscape, runs, places, rays, _LENGTHS[1:2]), far)
        rays, far = [rays[k] for k in kept], [far[k] for k in kept]
        gains = _gains(landscape, runs, places, rays, _LENGTHS)
        for ray, gained, is_far in zip(rays, gains, far, strict=True):
            r, place = ray.restart, places[ray.restart]
            for way in (0, 1):
                if out[r] is None and _is_endless(gained[way], gained[1 - way], is_far):
                    turned = ray._replace(direction=ray.direction * (1 - 2 * way))
                    by_prior = _by_prior(landscape, runs, place, turned)
                    out[r] = Rise(place, turned, by_prior)
    return out


def _gains(
    landscape: Landscape, runs: Runs, places: list[Place], rays: list[Ray], lengths: np.ndarray
) -> np.ndarray:
    """Gains along rays, forwards and backwards, at some lengths, (rays, 2, lengths)."""
    if not rays:
        return np.zeros((0, 2, len(lengths)))
    both = np.concatenate([lengths, -lengths])
    walked = np.concatenate([points(places[ray.restart], ray, both) for ray in rays])
    value = landscape.at(walked)[0].reshape(len(rays), 2, len(lengths))
    return value - runs.objective[[ray.restart for ray in rays], None, None]


def _which_may_rise(gained: np.ndarray, far: list[bool]) -> np.ndarray:
    """Indices of the rays that `_is_endless` may accept, by their gains at length 1, (rays, 2, 1).

    Every rise gains there, unless rounding hides it, and then the way back loses.
    """
    ahead, behind = gained[..., 0], gained[:, ::-1, 0]
    hidden = (~np.isfinite(ahead) | (np.abs(ahead) < _LEAST)) & ~(behind >= -_LEAST)
    return np.flatnonzero((~(ahead <= _LEAST) | (hidden & np.asarray(far)[:, None])).any(1))


def _is_lost(runs: Runs, ray: Ray) -> bool:
    """Whether a ray begins where the objective became no number."""
    return bool(runs.status[ray.restart] == Status.NON_FINITE)


def _is_endless(ahead: np.ndarray, behind: np.ndarray, far: bool) -> bool:
    """Whether the objective rises without bound along a ray.

    If the restart is far out on the ray, the shorter lengths are enough; and where rounding, or the
    range of numbers, hides gains ahead, the losses behind are.

    Args:
        ahead: Gains at the lengths of `_LENGTHS`, (4,).
        behind: Gains in the opposite direction, (4,).
        far: Whether the restart is far out on the ray.
    """
    if _is_steady(ahead[1:]) or (far and _is_steady(ahead[:-1])):
        return True
    hidden = ~np.isfinite(ahead[:2]) | (np.abs(ahead[:2]) < _LEAST)
    return far and bool(hidden.all()) and _is_even(-behind[1:])


def _is_steady(gained: np.ndarray) -> bool:
    """Whether gains at lengths 1, 3 and 9 keep their slope; the last may be NaN."""
    first, second, third = gained
    if not (first > _LEAST and second - first >= _STEADY * 2 * first and second < np.inf):
        return False
    if not np.isfinite(third):
        return bool(second >= _GAIN)
    return bool(third >= _GAIN and third - second >= _STEADY * 3 * (second - first))


def _is_even(gained: np.ndarray) -> bool:
    """Whether gains at lengths 1, 3 and 9 are in proportion to the lengths."""
    first, second, third = gained
    slopes = np.array([first, (second - first) / 2, (third - second) / 6])
    return bool(slopes.min() > _LEAST and slopes.max() < slopes.min() / _STEADY)


def _far_part(place: Place, ray: Ray) -> Ray | None:
    """The ray restricted to logarithms and logits that are far from the reference, or None.

    Real numbers may be far from it on the way to a maximum, and near it the objective may rise for
    a while.
    """
    direction = np.where(place.unitless & (place.far > _FAR), ray.direction, 0.0)
    longest = np.abs(place.relative(direction, False)).max(initial=0.0)
    return ray._replace(direction=direction / longest, multiplied=False) if longest > 0 else None


def _is_far(place: Place, ray: Ray) -> bool:
    """Whether a coordinate that a ray moves is far from the reference, or near zero."""
    relative = np.abs(place.relative(ray.direction, ray.multiplied))
    near_zero = ray.multiplied & (np.abs(place.u) < _NEAR_ZERO * place.spread)
    far = np.where(place.unitless, place.far > _FAR, near_zero | (place.far > _FAR))
    return bool(((relative > 0.3 * relative.max(initial=0.0)) & far).any())


def _by_prior(landscape: Landscape, runs: Runs, place: Place, ray: Ray) -> bool:
    """Whether most of a rise is that of the log prior."""
    ends = np.concatenate([place.u[None], points(place, ray, _LENGTHS[2:3])])
    values = landscape.values(ends, {k: v[[ray.restart] * 2] for k, v in runs.values.items()})
    prior = landscape.log_priors(values).astype(float)
    total = landscape.at(ends)[0]
    return bool(prior[1] - prior[0] >= 0.8 * (total[1] - total[0]))
