r"""Certificates: how stationary an answer is, and whether it is a maximum at all.

The norm of the gradient in real coordinates (logs, logits) certifies stationarity. Second
derivatives tell what a Newton step promises and in which directions the objective curves upwards;
of many coordinates only the most upward direction is sought, by Lanczos' method, each
Hessian-vector product being a central difference of two gradients; a Ritz value is never above
the largest eigenvalue, so a positive one is never an artefact of stopping early. Nothing is
believed that the objective itself does not confirm: a saddle is told only if a walk along that
direction really raises the objective, and a run has stalled if a walk along its gradient, or along
Newton's step, does. (In single precision, where rounding hides such rises, the promise is
believed.) Where states are alike the objective may be flat to second order, and rise only at fourth
order, along a curve: a walk along a flat direction, all else following by Newton steps, that rises
without falling first begins at no maximum.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from jaxem.numerics.symmetric import spectrum
from jaxem.objective.curvature import curvature
from jaxem.objective.landscape import Face, Landscape
from jaxem.verdict.promise import newton_steps

#: Nats that a move by a unit costs in a direction that counts as flat.
FLAT = 0.5

#: Coordinates beyond which second derivatives are not taken.
LARGEST = 64
_LARGEST_IN_SINGLE = 32

_SMALL = 1e-2
_LANCZOS = 12
_WALKS = (1e-3, 1e-2, 0.1, 0.5)
_SHARES = (1.0, 0.5, 0.1, 1e-2)
_FAR_WALKS = (1e-2, 0.1, 0.5, 1.0, 2.0)
_FOLLOWS, _BUMP = 2, 1e-5


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What was found of each restart.

    Attributes:
        u: Real coordinates, (R, d).
        objective: The objective there, (R,).
        gradient: Its gradient, (R, d).
        curvature: Negative second derivatives, (R, d, d), zero for coordinates that do not count;
            None where there are too many, or where nobody asked.
        escape: How much the objective rises on a walk along the most upward direction, (R,).
        climb: How much it rises on a walk along the gradient or Newton's step, (R,).
        plateau: How much it rises along a flat direction without falling first, (R,).
        left: In single precision, what a Newton step promises for certain, (R,); else zero.
    """

    u: np.ndarray
    objective: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray | None
    escape: np.ndarray
    climb: np.ndarray
    plateau: np.ndarray
    left: np.ndarray

    @property
    def gradient_norm(self) -> np.ndarray:
        """Largest entry of the gradient, (R,); NaN where it is not finite."""
        return np.abs(self.gradient).max(1, initial=0.0)


def certify(
    landscape: Landscape, values: dict[str, np.ndarray], claims: np.ndarray, limited: np.ndarray
) -> Certificate:
    """Certificates of all restarts.

    Args:
        landscape: The objective.
        values: Parameters by dotted name, stacked over restarts.
        claims: Which restarts claim to be stationary, (R,). If none does, the walks, which cost as
            much as a few dozen steps, are left out.
        limited: Which were stopped by a limit, (R,), and may claim it if their gradient is small.

    Returns:
        The certificate; NaN where the objective is not finite.
    """
    u = landscape.coordinates(values)
    with np.errstate(all="ignore"):
        objective, gradient = landscape(u)
        none = np.zeros(len(u))
        small = np.abs(gradient).max(1, initial=0.0) < _SMALL
        if not (claims | (limited & small)).any() or not u.shape[1]:
            return Certificate(u, objective, gradient, None, none, none, none, none)
        face = landscape.face(u)
        size = np.maximum(np.abs(u), 1.0)
        steepest = np.abs(gradient * size).max(1, keepdims=True)
        uphill = size * np.nan_to_num(gradient * size / np.where(steepest > 0, steepest, 1.0))
        climb = _walk(landscape, u, objective, uphill, (1,), _WALKS)
        single = landscape.is_single
        which = np.flatnonzero(landscape.moving)
        if len(which) > (_LARGEST_IN_SINGLE if single else LARGEST):
            escape = _walk(face, u, objective, _most_upward(face, u), (1, -1), _WALKS)
            return Certificate(u, objective, gradient, None, escape, climb, none, none)
        units, _ = landscape.units(u)
        slope = gradient if face is landscape else face(u)[1]
        bent = curvature(face, u, slope, which, units, single)
        escape = _walk(face, u, objective, _upward(bent, units, which), (1, -1), _WALKS)
        step, left = newton_steps(u, slope, bent, which, units, single)
        plateau = none
        if not single:
            rays, inverse = _flat(bent, units, which, landscape.widths)
            rises = [_rise(face, u, objective, ray, inverse) for ray in rays]
            plateau = np.max([none, *rises], 0)
            climb = np.maximum(climb, _walk(face, u, objective, step, (1,), _SHARES))
            left = none
        whole = np.zeros((*u.shape, u.shape[1]))
        whole[:, which[:, None], which] = bent
    return Certificate(u, objective, gradient, whole, escape, climb, plateau, left)


def _walk(landscape: Landscape | Face, u, objective, direction, signs, lengths) -> np.ndarray:
    """The largest rise of the objective on a few steps along a direction, (R,)."""
    if not np.any(direction):
        return np.zeros(len(u))
    direction = np.nan_to_num(direction)
    rises = [landscape(u + s * w * direction)[0] - objective for w in lengths for s in signs]
    return np.fmax(np.fmax.reduce(rises), 0.0)


def _rise(landscape: Landscape | Face, u, objective, direction, inverse) -> np.ndarray:
    """The largest rise along a direction, either way, before the objective falls, (R,).

    A fall of less than what a converged fit may have left to gain does not count.

    Args:
        landscape: The objective.
        u: Where the walks begin, (R, d).
        objective: There, (R,).
        direction: A unit long, (R, d).
        inverse: Of the second derivatives in all directions that are not flat, (R, d, d).
    """
    best = np.zeros(len(u))
    for sign in (1, -1):
        rising, before = np.ones(len(u), bool), objective
        for length in _FAR_WALKS:
            point = u + sign * length * direction
            for _ in range(_FOLLOWS):
                point = point + np.einsum("rij,rj->ri", inverse, landscape(point)[1])
            here = landscape(point)[0]
            rising &= here >= before - _BUMP
            best = np.where(rising, np.fmax(best, here - objective), best)
            before = here
    return best


def _flat(
    bent: np.ndarray, units: np.ndarray, which: np.ndarray, widths: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Directions in which a move by a unit changes next to nothing, and the others.

    Eigenvectors that are all flat have no directions of their own, and mix parameters at will. So
    of each parameter one random direction is taken, as far as it is flat.

    Returns:
        Directions, (m, R, d), zero where a restart has none; and the inverse of the second
        derivatives in all that are not flat, (R, d, d).
    """
    owner = np.repeat(np.arange(len(widths)), widths)[which]
    random = np.random.default_rng(0).normal(size=len(which))
    axes = np.where(owner == np.arange(len(widths))[:, None], random, 0.0)
    axes /= np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-300)
    rays = np.zeros((len(widths), *units.shape))
    inverse = np.zeros((*units.shape, units.shape[1]))
    for r in np.flatnonzero(np.isfinite(bent).all((1, 2))):
        unit = units[r, which]
        values, vectors = np.linalg.eigh(bent[r] * np.outer(unit, unit))
        flat = vectors[:, np.abs(values) < FLAT]
        within = axes @ flat @ flat.T
        size = np.abs(within).max(1, keepdims=True, initial=0.0)
        within = np.where(np.linalg.norm(within, axis=1, keepdims=True) > 0.1, within, 0.0)
        rays[:, r, which] = within / np.where(size > 0, size, 1.0) * unit
        others = vectors[:, values >= FLAT] * unit[:, None]
        inverse[r][np.ix_(which, which)] = (others / values[values >= FLAT]) @ others.T
    return rays[rays.any((1, 2))], inverse


def _upward(bent: np.ndarray, units: np.ndarray, which: np.ndarray) -> np.ndarray:
    """The direction of the most upward curvature, (R, d); zero where there is none."""
    ray = np.zeros_like(units)
    for r in np.flatnonzero(np.isfinite(bent).all((1, 2))):
        unit = units[r, which]
        values, directions, _ = spectrum(bent[r] * np.outer(unit, unit), 1e-8)
        if values[0] < -1e-6:
            relative = directions[:, 0]
            ray[r, which] = relative / np.abs(relative).max() * unit
    return ray


def _most_upward(landscape: Landscape | Face, u: np.ndarray) -> np.ndarray:
    """The Ritz vector of the largest curvature, (R, d), zero where that is not positive."""
    eps = float(np.finfo(jnp.result_type(float)).eps) ** (1 / 3)
    size = np.maximum(np.abs(u), 1.0)
    count = min(_LANCZOS, u.shape[1])
    rng = np.random.default_rng(0)
    basis = [_unit(rng.normal(size=u.shape))]
    images = []
    for k in range(count):
        move = eps * size * basis[k]
        up, down = landscape(u + move)[1], landscape(u - move)[1]
        images.append(size * (up - down) / (2 * eps))
        if k + 1 < count:
            v = images[k].copy()
            for _ in range(2):
                for b in basis:
                    v -= (v * b).sum(1, keepdims=True) * b
            basis.append(_unit(v))
    q = np.stack(basis, 1)
    projected = np.einsum("rki,rji->rkj", q, np.stack(images, 1))
    projected = np.nan_to_num((projected + projected.transpose(0, 2, 1)) / 2)
    values, vectors = np.linalg.eigh(projected)
    ritz = np.einsum("rki,rk->ri", q, vectors[:, :, -1]) * size
    upward = values[:, -1] > 1e-7 * np.abs(values).max(1)
    return np.where(upward[:, None], ritz, 0.0)


def _unit(v: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(v, axis=1, keepdims=True)
    return np.where(norm > 1e-12, v / np.where(norm > 1e-12, norm, 1.0), 0.0)
