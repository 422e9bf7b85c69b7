r"""Certificates: how stationary an answer is, and whether it is a maximum at all.

The norm of the gradient in real coordinates (logs, logits) certifies stationarity. Second
derivatives tell what a Newton step promises and in which directions the objective curves upwards;
of many coordinates only the most upward direction is sought, by Lanczos' method, each
Hessian-vector product being a central difference of two gradients; a Ritz value is never above
the largest eigenvalue, so a positive one is never an artefact of stopping early. Nothing is
believed that the objective itself does not confirm: a saddle is told only if a walk along that
direction really raises the objective, and a run has stalled if a walk along its gradient, or along
Newton's step, does. (In single precision, where rounding hides such rises, the promise is
believed.)
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from jaxem.fitting.curvature import curvature
from jaxem.fitting.landscape import Face, Landscape
from jaxem.fitting.promise import newton_steps
from jaxem.numerics.spectrum import spectrum

#: Coordinates beyond which second derivatives are not taken.
LARGEST = 64
_LARGEST_IN_SINGLE = 32

_SMALL = 1e-2
_LANCZOS = 12
_WALKS = (1e-3, 1e-2, 0.1, 0.5)
_SHARES = (1.0, 0.5, 0.1, 1e-2)


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
        left: In single precision, what a Newton step promises for certain, (R,); else zero.
    """

    u: np.ndarray
    objective: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray | None
    escape: np.ndarray
    climb: np.ndarray
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
            return Certificate(u, objective, gradient, None, none, none, none)
        face = landscape.face(u)
        size = np.maximum(np.abs(u), 1.0)
        steepest = np.abs(gradient * size).max(1, keepdims=True)
        uphill = size * np.nan_to_num(gradient * size / np.where(steepest > 0, steepest, 1.0))
        climb = _walk(landscape, u, objective, uphill, (1,), _WALKS)
        single = landscape.is_single
        which = np.flatnonzero(landscape.moving)
        if len(which) > (_LARGEST_IN_SINGLE if single else LARGEST):
            escape = _walk(face, u, objective, _most_upward(face, u), (1, -1), _WALKS)
            return Certificate(u, objective, gradient, None, escape, climb, none)
        units, _ = landscape.units(u)
        slope = gradient if face is landscape else face(u)[1]
        bent = curvature(face, u, slope, which, units, single)
        escape = _walk(face, u, objective, _upward(bent, units, which), (1, -1), _WALKS)
        step, left = newton_steps(u, slope, bent, which, units, single)
        if not single:
            climb = np.maximum(climb, _walk(face, u, objective, step, (1,), _SHARES))
            left = none
        whole = np.zeros((*u.shape, u.shape[1]))
        whole[:, which[:, None], which] = bent
    return Certificate(u, objective, gradient, whole, escape, climb, left)


def _walk(landscape: Landscape | Face, u, objective, direction, signs, lengths) -> np.ndarray:
    """The largest rise of the objective on a few steps along a direction, (R,)."""
    if not np.any(direction):
        return np.zeros(len(u))
    direction = np.nan_to_num(direction)
    rises = [landscape(u + s * w * direction)[0] - objective for w in lengths for s in signs]
    return np.fmax(np.fmax.reduce(rises), 0.0)


def _upward(bent: np.ndarray, units: np.ndarray, which: np.ndarray) -> np.ndarray:
    """The direction of the most upward curvature, (R, d); zero where there is none."""
    ray = np.zeros_like(units)
    for r in np.flatnonzero(np.isfinite(bent).all((1, 2))):
        unit = units[r, which]
        values, vectors, scale = spectrum(bent[r] * np.outer(unit, unit), 1e-8)
        if values[0] < -1e-6:
            relative = vectors[:, 0] / scale
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
