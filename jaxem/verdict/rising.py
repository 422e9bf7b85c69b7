r"""Whether the objective rises without bound from where a restart ended, and towards what.

At a maximum the objective falls along every ray. Where a density degenerates it rises by the same
amount for every factor of e, or faster: the scale of a component that sits on equal rows goes to
zero, however the model is written (an interval, a softplus, a square, two parameters together),
and so does a free scale of a prior around one value. What the likelihood has and the prior has are
found by the same walk, and are told apart by the log prior alone. A rise that grows less and less
has a bound.
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

_LENGTHS = np.array([1 / 3, 1.0, 3.0, 9.0])
_GAIN = 0.5
_STEADY = 0.4
_FAR = 9.0
_LEAST = 0.1
_NEAR_ZERO = 1e-4
_TOLD = 6

_OWN_ENDS = (Status.CONVERGED, Status.STALLED, Status.NON_FINITE, Status.DEGENERATE)


@dataclasses.dataclass(frozen=True)
class Rise:
    """A ray along which the objective rises without bound.

    Attributes:
        place: Where it begins.
        ray: The ray, turned the way that rises.
        by_prior: Whether the log prior does so.
    """

    place: Place
    ray: Ray
    by_prior: bool

    def words(self, model: Model, landscape: Landscape, runs: Runs) -> str:
        """The coordinates that move and which way, the farthest first."""
        relative = self.place.relative(self.ray.direction, self.ray.multiplied)
        near = {name: leaf[self.ray.restart] for name, leaf in runs.values.items()}
        names = free_names(model, near)
        order = np.argsort(-np.abs(relative), kind="stable")[:_TOLD]
        told = []
        for k in order[np.abs(relative[order]) > 0.1 * np.abs(relative).max()]:
            size = self.ray.multiplied and not landscape.unitless[k]
            rises = relative[k] * (np.sign(self.place.u[k]) if size else 1) > 0
            told.append(f"{'size of ' if size else ''}{names[k]} {'up' if rises else 'down'}")
        return ", ".join(told)


def rises(landscape: Landscape, model: Model, runs: Runs, found: Certificate) -> list[Rise | None]:
    """For each restart a ray along which the objective rises without bound, or None.

    Args:
        landscape: The objective.
        model: The declared model.
        runs: How the restarts ended. One that was stopped on its way may still be far from where
            it would end; only rays that it has already followed a long way count.
        found: Their certificates.
    """
    out: list[Rise | None] = [None] * len(runs.objective)
    if not found.u.shape[1] or landscape.is_single:  # whose rises along rays are often rounding
        return out
    places = places_of(landscape, found.u)
    with np.errstate(all="ignore"):
        movement = landscape.coordinates(runs.candidates) - found.u
        rays: list[Ray] = []
        there = np.isfinite(runs.objective) & np.isfinite(found.u).all(1)
        for r in np.flatnonzero(there).tolist():
            some = rays_from(r, places[r], found, movement[r], landscape.moving)
            if not np.isin(runs.status[r], _OWN_ENDS):
                some = [ray for ray in map(partial(_far_part, places[r]), some) if ray is not None]
            rays += some
        if not rays:
            return out
        both = np.concatenate([_LENGTHS, -_LENGTHS])
        looked = np.concatenate([points(places[ray.restart], ray, both) for ray in rays])
        value = landscape.at(looked)[0].reshape(len(rays), 2, len(_LENGTHS))
        for ray, along in zip(rays, value, strict=True):
            r, place = ray.restart, places[ray.restart]
            gained = along - runs.objective[r]
            far = _is_far(place, ray) or runs.status[r] == Status.NON_FINITE
            for way in (0, 1):
                if out[r] is None and _is_endless(gained[way], gained[1 - way], far):
                    turned = ray._replace(direction=ray.direction * (1 - 2 * way))
                    by_prior = _by_prior(landscape, runs, place, turned)
                    out[r] = Rise(place, turned, by_prior)
    return out


def _is_endless(ahead: np.ndarray, behind: np.ndarray, far: bool) -> bool:
    """Whether the objective rises without bound.

    From where a ray has come a long way already, the next few units tell; and where rounding, or
    the range of numbers, leaves nothing of it, the way that it has come does.

    Args:
        ahead: What is gained at rising lengths.
        behind: The same the other way.
        far: Whether the ray has come a long way.
    """
    if _is_steady(ahead[1:]) or (far and _is_steady(ahead[:-1])):
        return True
    nothing = ~np.isfinite(ahead[:2]) | (np.abs(ahead[:2]) < _LEAST)
    return far and bool(nothing.all()) and _is_even(-behind[1:])


def _is_steady(gained: np.ndarray) -> bool:
    """Whether gains at lengths 1, 3 and 9 do not slacken; the last may be no number."""
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
    """A ray along the logarithms and logits alone that have come a long way, or None.

    Real numbers may be on a long honest way, and what is near the reference may rise for a while.
    """
    direction = np.where(place.unitless & (place.far > _FAR), ray.direction, 0.0)
    longest = np.abs(place.relative(direction, False)).max(initial=0.0)
    return ray._replace(direction=direction / longest, multiplied=False) if longest > 0 else None


def _is_far(place: Place, ray: Ray) -> bool:
    """Whether a coordinate that a ray moves is far from the reference, or next to nothing."""
    relative = np.abs(place.relative(ray.direction, ray.multiplied))
    nothing = ray.multiplied & (np.abs(place.u) < _NEAR_ZERO * place.spread)
    far = np.where(place.unitless, place.far > _FAR, nothing | (place.far > _FAR))
    return bool(((relative > 0.3 * relative.max(initial=0.0)) & far).any())


def _by_prior(landscape: Landscape, runs: Runs, place: Place, ray: Ray) -> bool:
    """Whether most of a rise is the log prior's."""
    ends = np.concatenate([place.u[None], points(place, ray, _LENGTHS[2:3])])
    values = landscape.values(ends, {k: v[[ray.restart] * 2] for k, v in runs.values.items()})
    prior = landscape.log_priors(values).astype(float)
    total = landscape.at(ends)[0]
    return bool(prior[1] - prior[0] >= 0.8 * (total[1] - total[0]))
