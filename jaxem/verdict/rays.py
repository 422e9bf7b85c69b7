r"""Rays from where a restart ended, along which the objective may go on rising.

A ray goes along a direction v of the real coordinates both ways: *added*, :math:`u + t v`, which
multiplies the parameters that coordinates are logarithms of; or *multiplied*, real entries as
:math:`u_k e^{t v_k / u_k}`, which go towards 0 and never pass it, and lets numbers that grow
together (natural parameters, the coefficients of a gate) keep their ratios. A unit of length is an
ordinary distance, or a factor of e.

The directions are those in which a rise is possible: along which the objective is flat or curves
upwards, by the second derivatives; coordinates that are not at rest, or flat, each alone; the
gradient; and the last step of the algorithm.
"""

from typing import NamedTuple

import numpy as np

from jaxem.numerics.symmetric import spectrum
from jaxem.objective.landscape import Landscape
from jaxem.verdict.stationarity import FLAT, Certificate

#: Slope of the objective, in ordinary distances, above which a coordinate is not at rest.
NOT_AT_REST = 1e-2

#: Share of the largest eigenvalue below which one is flat.
_FLAT_SHARE = 1e-4

#: Coordinates, and flat directions, that get a ray of their own, at most.
_MOST = 24


class Ray(NamedTuple):
    """A direction from where one restart ended.

    Attributes:
        restart: Index of the restart.
        direction: In real coordinates, (d,); the longest entry is a unit long.
        multiplied: Whether real entries are multiplied.
    """

    restart: int
    direction: np.ndarray
    multiplied: bool


class Place(NamedTuple):
    """The end of one restart, with units of length along its coordinates.

    Attributes:
        u: Real coordinates, (d,).
        reference: Coordinates of the reference parameters, (d,).
        unit: The unit along each coordinate: ``spread``, or the distance from the reference where
            that is larger, (d,).
        spread: An ordinary distance along each coordinate, (d,).
        unitless: Which coordinates are logarithms or logits, (d,).
    """

    u: np.ndarray
    reference: np.ndarray
    unit: np.ndarray
    spread: np.ndarray
    unitless: np.ndarray

    @property
    def far(self) -> np.ndarray:
        """Distance of each coordinate from the reference, in ordinary distances, (d,)."""
        return np.abs(self.u - self.reference) / self.spread

    def relative(self, direction: np.ndarray, multiplied: bool) -> np.ndarray:
        """A direction in units of length, (d,)."""
        by = np.where(self.unitless, self.unit, np.abs(self.u)) if multiplied else self.unit
        return direction / np.where(by > 0, by, np.inf)


def points(place: Place, ray: Ray, lengths: np.ndarray) -> np.ndarray:
    """Points of a ray at some lengths, (t, d)."""
    moved = place.u + lengths[:, None] * ray.direction
    if not ray.multiplied:
        return moved
    u = np.where(place.u == 0, 1.0, place.u)
    scaled = place.u * np.exp(lengths[:, None] * ray.direction / u)
    return np.where(place.unitless, moved, scaled)


def rays_from(
    restart: int, place: Place, found: Certificate, movement: np.ndarray, moving: np.ndarray
) -> list[Ray]:
    """The rays along which the objective may rise; none where all coordinates are at rest.

    (An objective that rises by the same amount for every factor of e has no point at rest.)

    Args:
        restart: Index of the restart.
        place: Its end.
        found: The certificates of all restarts.
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
        curvature = found.curvature[restart]
        flat = ~(np.diagonal(curvature) * place.unit**2 >= FLAT)
        directions += _flat_directions(curvature, gradient, place, moving)
    alone = np.flatnonzero((restless | flat) & moving)
    alone = alone[np.argsort(-slope[alone], kind="stable")][:_MOST]
    numbers = np.arange(len(slope))
    directions += [np.where(numbers == k, place.unit, 0.0) for k in alone]
    directions += [np.nan_to_num(gradient) * place.unit**2, np.nan_to_num(movement)]
    return [ray for v in directions for ray in _rays_along(restart, place, v)]


def _rays_along(restart: int, place: Place, direction: np.ndarray) -> list[Ray]:
    """The rays of a direction: added, in both units, and multiplied, where these differ."""
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


def _flat_directions(
    curvature: np.ndarray, gradient: np.ndarray, place: Place, moving: np.ndarray
) -> list[np.ndarray]:
    """Eigenvectors (d,) that are flat or curve upwards, after the gradient projected on them.

    Eigenvectors of eigenvalues near zero are arbitrary in the space that they span; the gradient
    gives the direction in it that rises.
    """
    which = np.flatnonzero(moving)
    unit = place.unit[which]
    matrix = curvature[np.ix_(which, which)] * np.outer(unit, unit)
    if not np.isfinite(matrix).all() or not np.isfinite(gradient).all():
        return []
    values, relative, _ = spectrum(matrix)
    flat = (values < _FLAT_SHARE) | (values / np.abs(relative).max(0) ** 2 < FLAT)
    within = relative[:, flat] @ (relative[:, flat].T @ (gradient[which] * unit))
    out = []
    for vector in [within, *relative[:, flat].T[:_MOST]]:
        direction = np.zeros(len(place.u))
        direction[which] = vector * unit
        out.append(direction)
    return out if flat.any() else []


def places_of(landscape: Landscape, u: np.ndarray) -> list[Place]:
    """The places of all restarts, at coordinates u, (R, d)."""
    (units, spreads), reference = landscape.units(u), landscape.reference()
    return [
        Place(end, reference, unit, spread, landscape.unitless)
        for end, unit, spread in zip(u, units, spreads, strict=True)
    ]
