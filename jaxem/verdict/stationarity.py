r"""Certificates: whether a restart ended at a stationary point, and whether that is a maximum.

The norm of the gradient in real coordinates (logs, logits) certifies stationarity. Second
derivatives give the gain that a Newton step predicts, and the directions in which the objective
curves upwards. Of many coordinates only the most upward direction is sought, by Lanczos' method,
each Hessian-vector product being a central difference of two gradients; a Ritz value is never above
the largest eigenvalue, so a positive one is no artefact of stopping early. All is confirmed by the
objective itself: a point is a saddle only if a walk along the upward direction raises the
objective, and a restart has stalled if a walk along its gradient, or a Newton step, does. (In
single precision, where rounding hides such rises, the predicted gain decides.) Where states are
equal the objective may be flat to second order, and rise only at fourth order, along a curve, a
plateau: a walk goes along a flat direction, all others following by Newton steps, and where it
rises without falling first the point is no maximum.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from jaxem.numerics.symmetric import spectrum
from jaxem.objective.curvature import curvature
from jaxem.objective.landscape import Face, Landscape
from jaxem.verdict.promise import newton_steps

#: Curvature, in ordinary distances, below which a direction is flat.
FLAT = 0.5

#: Coordinates beyond which second derivatives are not taken.
LARGEST = 64
_LARGEST_IN_SINGLE = 32

#: Gradient norm below which a restart that a limit stopped may be stationary.
_SMALL = 1e-2

#: Dimension of the Krylov space of Lanczos' method.
_LANCZOS = 12

#: Lengths of walks along a direction, shares of a Newton step, and lengths along a flat direction.
_WALKS = (1e-3, 1e-2, 0.1, 0.5)
_SHARES = (1.0, 0.5, 0.1, 1e-2)
_FLAT_WALKS = (1e-2, 0.1, 0.5, 1.0, 2.0)

#: Newton steps of the other coordinates on a walk along a flat direction, and the fall, in nats,
#: that such a walk may have.
_NEWTON_STEPS, _FALL = 2, 1e-5


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The certificates of all restarts.

    Attributes:
        u: Real coordinates, (R, d).
        objective: The objective at ``u``, (R,).
        gradient: The gradient at ``u``, (R, d).
        curvature: Negative second derivatives, (R, d, d), zero for coordinates that do not count;
            None where there are too many, or no restart is verified.
        escape: Increase of the objective on a walk along the most upward direction, (R,).
        climb: Increase of the objective on a walk along the gradient or a Newton step, (R,).
        plateau: Increase of the objective on a walk along a flat direction, (R,).
        predicted: In single precision, increase that a Newton step predicts, (R,); else zero.
    """

    u: np.ndarray
    objective: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray | None
    escape: np.ndarray
    climb: np.ndarray
    plateau: np.ndarray
    predicted: np.ndarray

    @property
    def gradient_norm(self) -> np.ndarray:
        """Largest entry of the gradient, (R,); NaN where it is not finite."""
        return np.abs(self.gradient).max(1, initial=0.0)


def certify(
    landscape: Landscape, values: dict[str, np.ndarray], to_verify: np.ndarray, limited: np.ndarray
) -> Certificate:
    """Certificates of all restarts.

    Args:
        landscape: The objective function.
        values: Parameters by dotted name, leaves (R, ...).
        to_verify: Which restarts claim to be stationary, (R,). If none does, the walks, which cost
            as much as a few dozen steps, are left out: they bear on that claim alone.
        limited: Which restarts a limit stopped, (R,); where one has a small gradient, and may be on
            its way to infinity, second derivatives are taken all the same.

    Returns:
        The certificate; NaN where the objective is not finite.
    """
    u = landscape.coordinates(values)
    with np.errstate(all="ignore"):
        objective, gradient = landscape(u)
        zeros = np.zeros(len(u))
        small = np.abs(gradient).max(1, initial=0.0) < _SMALL
        plain = Certificate(u, objective, gradient, None, zeros, zeros, zeros, zeros)
        if not (to_verify | (limited & small)).any() or not u.shape[1]:
            return plain
        face = landscape.face(u)
        single, claimed = landscape.is_single, bool(to_verify.any())
        which = np.flatnonzero(landscape.moving)
        large = len(which) > (_LARGEST_IN_SINGLE if single else LARGEST)
        if large and not claimed:
            return plain
        climb = zeros
        if claimed:
            size = np.maximum(np.abs(u), 1.0)
            steepest = np.abs(gradient * size).max(1, keepdims=True)
            uphill = size * np.nan_to_num(gradient * size / np.where(steepest > 0, steepest, 1.0))
            climb = _walk(landscape, u, objective, uphill, (1,), _WALKS)
        if large:
            escape = _walk(face, u, objective, _most_upward(face, u), (1, -1), _WALKS)
            return dataclasses.replace(plain, escape=escape, climb=climb)
        units, _ = landscape.units(u)
        slope = gradient if face is landscape else face(u)[1]
        negative_hessian = curvature(face, u, slope, which, units, single)
        whole = np.zeros((*u.shape, u.shape[1]))
        whole[:, which[:, None], which] = negative_hessian
        if not claimed:
            return dataclasses.replace(plain, curvature=whole)
        escape = _walk(face, u, objective, _upward(negative_hessian, units, which), (1, -1), _WALKS)
        step, predicted = newton_steps(u, slope, negative_hessian, which, units, single)
        plateau = zeros
        if not single:
            rays, inverse = _flat_rays(negative_hessian, units, which, landscape.widths)
            rises = [_flat_walk(face, u, objective, ray, inverse) for ray in rays]
            plateau = np.max([zeros, *rises], 0)
            climb = np.maximum(climb, _walk(face, u, objective, step, (1,), _SHARES))
            predicted = zeros
    return Certificate(u, objective, gradient, whole, escape, climb, plateau, predicted)


def _walk(landscape: Landscape | Face, u, objective, direction, signs, lengths) -> np.ndarray:
    """Largest increase of the objective at some lengths along a direction, (R,)."""
    if not np.any(direction):
        return np.zeros(len(u))
    direction = np.nan_to_num(direction)
    rises = [landscape(u + s * w * direction)[0] - objective for w in lengths for s in signs]
    return np.fmax(np.fmax.reduce(rises), 0.0)


def _flat_walk(landscape: Landscape | Face, u, objective, direction, inverse) -> np.ndarray:
    """Largest increase along a flat direction, either way, before the objective falls, (R,).

    A fall by less than a converged fit may have left to gain does not count.

    Args:
        landscape: The objective function.
        u: Coordinates where the walks begin, (R, d).
        objective: The objective at ``u``, (R,).
        direction: A flat direction, (R, d), its longest entry an ordinary distance.
        inverse: Inverse of the second derivatives in all directions that are not flat, (R, d, d).
    """
    best = np.zeros(len(u))
    for sign in (1, -1):
        rising, before = np.ones(len(u), bool), objective
        for length in _FLAT_WALKS:
            point = u + sign * length * direction
            for _ in range(_NEWTON_STEPS):
                point = point + np.einsum("rij,rj->ri", inverse, landscape(point)[1])
            value = landscape(point)[0]
            rising &= value >= before - _FALL
            best = np.where(rising, np.fmax(best, value - objective), best)
            before = value
    return best


def _flat_rays(
    negative_hessian: np.ndarray, units: np.ndarray, which: np.ndarray, widths: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Flat directions, one for each parameter, and the inverse curvature in all others.

    The eigenvectors of eigenvalues near zero are arbitrary in the space that they span, and mix
    parameters. So a random direction of each parameter is projected on that space.

    Returns:
        Directions, (m, R, d), zero where a restart has none; and the inverse of the second
        derivatives in all directions that are not flat, (R, d, d).
    """
    owner = np.repeat(np.arange(len(widths)), widths)[which]
    random = np.random.default_rng(0).normal(size=len(which))
    axes = np.where(owner == np.arange(len(widths))[:, None], random, 0.0)
    axes /= np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-300)
    rays = np.zeros((len(widths), *units.shape))
    inverse = np.zeros((*units.shape, units.shape[1]))
    for r in np.flatnonzero(np.isfinite(negative_hessian).all((1, 2))):
        unit = units[r, which]
        values, vectors = np.linalg.eigh(negative_hessian[r] * np.outer(unit, unit))
        flat = vectors[:, np.abs(values) < FLAT]
        within = axes @ flat @ flat.T
        size = np.abs(within).max(1, keepdims=True, initial=0.0)
        within = np.where(np.linalg.norm(within, axis=1, keepdims=True) > 0.1, within, 0.0)
        rays[:, r, which] = within / np.where(size > 0, size, 1.0) * unit
        others = vectors[:, values >= FLAT] * unit[:, None]
        inverse[r][np.ix_(which, which)] = (others / values[values >= FLAT]) @ others.T
    return rays[rays.any((1, 2))], inverse


def _upward(negative_hessian: np.ndarray, units: np.ndarray, which: np.ndarray) -> np.ndarray:
    """The direction of the most upward curvature, (R, d); zero where none is upward."""
    ray = np.zeros_like(units)
    for r in np.flatnonzero(np.isfinite(negative_hessian).all((1, 2))):
        unit = units[r, which]
        values, directions, _ = spectrum(negative_hessian[r] * np.outer(unit, unit), 1e-8)
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
    """Vectors (R, d) of length one; those near zero become zero."""
    norm = np.linalg.norm(v, axis=1, keepdims=True)
    return np.where(norm > 1e-12, v / np.where(norm > 1e-12, norm, 1.0), 0.0)
