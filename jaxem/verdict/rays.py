r"""Rays from where a restart ended, along which the objective may go on rising.

A ray goes along a direction of the real coordinates both ways: *added*, :math:`u + t v`, which
multiplies what the coordinates are logarithms of; or *multiplied*, real entries as
:math:`u_k e^{t v_k / u_k}`, which comes ever nearer to 0 and never passes it, and takes numbers
that grow together (natural parameters, the coefficients of a gate) along with one another. A unit
of length is an ordinary distance, or a factor of e.

The directions are those in which something may be left: along which the objective hardly curves or
curves upwards, by the second derivatives; the coordinates that are not at rest, or hardly curved,
each alone; the gradient; and the last step of the algorithm, which knows the way that it is on.
"""

from typing import NamedTuple

import numpy as np

from jaxem.numerics.symmetric import spectrum
from jaxem.objective.landscape import Landscape
from jaxem.verdict.stationarity import FLAT, Certificate

#: Change of the objective for a move by a unit that counts as not at rest.
NOT_AT_REST = 1e-2

_FLAT_SHARE = 1e-4
_MOST = 24


class Ray(NamedTuple):
    """A direction from where one restart ended.

    Attributes:
        restart: Its number.
        direction: In real coordinates, (d,); the longest entry a unit long.
        multiplied: Whether real entries are multiplied.
    """

    restart: int
    direction: np.ndarray
    multiplied: bool


class Place(NamedTuple):
    """What rays of one restart are measured by.

    Attributes:
        u: Real coordinates, (d,).
        reference: Those of ordinary parameters, (d,).
        unit: An ordinary distance along each, at least the distance from the reference, (d,).
        spread: An ordinary distance along each, (d,).
        unitless: Which are logarithms or logits, (d,).
    """

    u: np.ndarray
    reference: np.ndarray
    unit: np.ndarray
    spread: np.ndarray
    unitless: np.ndarray

    @property
    def far(self) -> np.ndarray:
        """How far each coordinate is from the reference, in ordinary distances, (d,)."""
        return np.abs(self.u - self.reference) / self.spread

    def relative(self, direction: np.ndarray, multiplied: bool) -> np.ndarray:
        """A direction in units of length, (d,)."""
        by = np.where(self.unitless, self.unit, np.abs(self.u)) if multiplied else self.unit
        return direction / np.where(by > 0, by, np.inf)


def points(place: Place, ray: Ray, lengths: np.ndarray) -> np.ndarray:
    """Where a ray is after some lengths, (t, d)."""
    moved = place.u + lengths[:, None] * ray.direction
    if not ray.multiplied:
        return moved
    u = np.where(place.u == 0, 1.0, place.u)
    scaled = place.u * np.exp(lengths[:, None] * ray.direction / u)
    return np.where(place.unitless, moved, scaled)


def rays_from(
    restart: int, place: Place, found: Certificate, movement: np.ndarray, moving: np.ndarray
) -> list[Ray]:
    """The rays along which it is worth looking; none where all coordinates are at rest.

    What rises by the same amount for every factor of e is not at rest anywhere on its way.

    Args:
        restart: The restart.
        place: Where it ended.
        found: What is known of all restarts.
        movement: The last step of the algorithm, (d,).
        moving: Which coordinates matter, (d,).
    """
    gradient = np.where(moving, found.gradient[restart], 0.0)
    slope = np.where(np.isfinite(gradient), np.abs(gradient) * place.unit, np.inf)
    restless = slope > NOT_AT_REST
    if not (restless & moving).any():
        return []
    directions = []
    flat = np.zeros(len(slope), bool)
    if found.curvature is not None:
        bent = found.curvature[restart]
        flat = ~(np.diagonal(bent) * place.unit**2 >= FLAT)
        directions += _unbent(bent, gradient, place, moving)
    alone = np.flatnonzero((restless | flat) & moving)
    alone = alone[np.argsort(-slope[alone], kind="stable")][:_MOST]
    places = np.arange(len(slope))
    directions += [np.where(places == k, place.unit, 0.0) for k in alone]
    directions += [np.nan_to_num(gradient) * place.unit**2, np.nan_to_num(movement)]
    return [ray for v in directions for ray in _ways(restart, place, v)]


def _ways(restart: int, place: Place, direction: np.ndarray) -> list[Ray]:
    """A direction added, in long and in short units, and multiplied, where these differ."""
    ways = [(np.abs(place.relative(direction, False)), False)]
    real = (direction != 0) & ~place.unitless
    if real.any():
        ways.append((np.abs(direction) / place.spread, False))
        ways.append((np.abs(place.relative(direction, True)), True))
    lengths = [(size.max(initial=0.0), multiplied) for size, multiplied in ways]
    return [
        Ray(restart, direction / length, multiplied)
        for length, multiplied in dict.fromkeys(lengths)
        if 0 < length < np.inf
    ]


def _unbent(
    bent: np.ndarray, gradient: np.ndarray, place: Place, moving: np.ndarray
) -> list[np.ndarray]:
    """Eigen-directions that are flat or curve upwards, (d,) each, and the gradient within them.

    Eigenvalues that are all next to nothing have no directions of their own; the gradient tells
    which of them rises.
    """
    which = np.flatnonzero(moving)
    unit = place.unit[which]
    matrix = bent[np.ix_(which, which)] * np.outer(unit, unit)
    if not np.isfinite(matrix).all() or not np.isfinite(gradient).all():
        return []
    values, relative, _ = spectrum(matrix)
    flat = (values < _FLAT_SHARE) | (values / np.abs(relative).max(0) ** 2 < FLAT)
    within = relative[:, flat] @ (relative[:, flat].T @ (gradient[which] * unit))
    out = []
    for some in [within, *relative[:, flat].T[:_MOST]]:
        direction = np.zeros(len(place.u))
        direction[which] = some * unit
        out.append(direction)
    return out if flat.any() else []


def places_of(landscape: Landscape, u: np.ndarray) -> list[Place]:
    """What rays of each restart are measured by."""
    (units, spreads), reference = landscape.units(u), landscape.reference()
    return [
        Place(here, reference, unit, spread, landscape.unitless)
        for here, unit, spread in zip(u, units, spreads, strict=True)
    ]
