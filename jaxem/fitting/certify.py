r"""Certificates: how stationary an answer is, and whether it is a maximum at all.

One program gives objective and gradient in real coordinates (logs, logits) for all restarts. The
norm of that gradient certifies stationarity. The largest curvature is estimated by Lanczos' method,
each Hessian-vector product being a central difference of two gradients; a Ritz value is never above
the largest eigenvalue, so a positive one is never an artefact of stopping early. A saddle is told
only if, moreover, a walk along that direction really raises the objective; and a run whose
objective still rises along the gradient has stalled, whatever its last gains were.

Where an entry is exactly at a kink of the log prior there are many slopes; the one nearest to zero
is taken, and is zero at a maximum. What looks along directions looks along the face, on which such
entries are held.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.penalty import Penalty
from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.estep.source import Source
from jaxem.fitting.promise import left_to_climb
from jaxem.model import Model
from jaxem.model.prior import Parameter

_LANCZOS = 12
_WALKS = (1e-3, 1e-2, 0.1, 0.5)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What was found of each restart.

    Attributes:
        gradient_norm: Largest entry of the gradient, in real coordinates, (R,).
        escape: How much the objective rises on a walk along the most upward direction, (R,).
        climb: How much it rises on a walk along the gradient, (R,).
        left: In single precision, what a Newton step promises for certain, (R,); else zero.
    """

    gradient_norm: np.ndarray
    escape: np.ndarray
    climb: np.ndarray
    left: np.ndarray


class Landscape:
    """The objective of a batch as a function of real coordinates, for all restarts.

    Attributes:
        unitless: Which coordinates are logarithms or logits, (d,), once there were any.
        moving: Which coordinates matter, (d,): not those above a triangle.
    """

    def __init__(self, model: Model, plan: Plan, algorithm: Algorithm, source: Source):
        self._free = model.free
        self._source = source

        penalty = Penalty(model, plan.kinks.centres)
        self._centres = plan.kinks.centres

        def both(u, fixed, source):
            """The gradient is that of Q where the E-step was made (Fisher's identity)."""

            def values(u):
                return {**fixed, **{p.name: p.from_real(u[p.name]) for p in model.free}}

            def smooth(u):
                return q(values(u)) + penalty.absolute(values(u))

            here = jax.lax.stop_gradient(values(u))
            evidence, _, q = source.expect(model, algorithm.e_step, here)
            slope = penalty.steepest(here, jax.grad(smooth)(penalty.aside(u)))
            return evidence + model.prior_density(here), slope

        program = jax.vmap(both, in_axes=(0, None, None))
        self._program = plan.program(("landscape", algorithm.e_step), program)
        self._dtype = source.batch.weights.dtype
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.unitless = self.moving = np.zeros(0, bool)
        self._fixed = {k: jnp.asarray(v, self._dtype) for k, v in model.fixed.items()}

    @property
    def is_single(self) -> bool:
        """Whether it is evaluated in single precision."""
        return self._dtype == np.float32

    def coordinates(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Flat real coordinates, (R, d); NaN where a matrix is not positive definite."""
        u = {p.name: _to_real(p, values[p.name]) for p in self._free}
        self._shapes = {k: v.shape[1:] for k, v in u.items()}
        widths = [int(np.prod(shape)) for shape in self._shapes.values()]
        self.unitless = np.repeat([p.kind != "real" for p in self._free], widths)
        self.moving = np.concatenate([_moving(p, self._shapes[p.name]) for p in self._free])
        return np.concatenate([v.reshape(v.shape[0], -1) for v in u.values()], 1)

    def values(self, u: np.ndarray, near: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Parameters with these coordinates; exact zeros of those near stay, as do fixed ones."""
        out = dict(near)
        for p in self._free:
            value = np.asarray(p.from_real(np.asarray(self._split(u)[p.name])), self._dtype)
            out[p.name] = np.where(near[p.name] == 0, near[p.name], value)
        return out

    def __call__(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Objective (R,) and gradient (R, d) at flat coordinates."""
        value, gradient = self._program(self._split(u), self._fixed, self._source)
        flat = [np.asarray(gradient[k]).reshape(len(u), -1) for k in self._shapes]
        return np.asarray(value, float), np.concatenate(flat, 1).astype(float)

    def face(self, u: np.ndarray) -> "Landscape | Face":
        """The landscape with the coordinates held that are exactly at a kink, (R, d)."""
        held = self.resting(u)
        return Face(self, u, held) if held.any() else self

    def resting(self, u: np.ndarray) -> np.ndarray:
        """Which coordinates are exactly at a kink, (R, d)."""
        here = self._split(u)
        rests = {n: here[n] == c.astype(self._dtype) for n, c in self._centres.items()}
        flat = [rests.get(n, np.zeros(here[n].shape, bool)) for n in self._shapes]
        return np.concatenate([np.asarray(leaf).reshape(len(u), -1) for leaf in flat], 1)

    def _split(self, u: np.ndarray) -> dict[str, Any]:
        out, start = {}, 0
        for name, shape in self._shapes.items():
            width = int(np.prod(shape))
            piece = u[:, start : start + width].reshape(len(u), *shape)
            out[name] = jnp.asarray(piece, self._dtype)
            start += width
        return out


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """The objective of all restarts with some coordinates held.

    Attributes:
        whole: The landscape.
        at: Coordinates, (R, d), of which the held ones stay.
        held: Which they are, (R, d).
    """

    whole: Landscape
    at: np.ndarray
    held: np.ndarray

    @property
    def unitless(self) -> np.ndarray:
        """As of the whole."""
        return self.whole.unitless

    @property
    def moving(self) -> np.ndarray:
        """As of the whole."""
        return self.whole.moving

    def __call__(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Objective (R,), and gradient (R, d), zero where held."""
        value, gradient = self.whole(np.where(self.held, self.at, u))
        return value, np.where(self.held, 0.0, gradient)


def _moving(p: Parameter, shape: tuple[int, ...]) -> np.ndarray:
    whole = np.ones(shape, bool)
    return (
        np.tril(whole).ravel()
        if p.kind in ("positive_definite", "lower_cholesky")
        else whole.ravel()
    )


def _to_real(p: Parameter, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    try:
        return np.asarray(p.to_real(values), float)
    except np.linalg.LinAlgError:
        return np.stack([_to_real_or_nan(p, value) for value in values])


def _to_real_or_nan(p: Parameter, value: np.ndarray) -> np.ndarray:
    """NumPy's Cholesky factorisation refuses a whole stack for one singular matrix."""
    try:
        return np.asarray(p.to_real(value), float)
    except np.linalg.LinAlgError:
        return np.full(value.shape, np.nan)


def certify(landscape: Landscape, values: dict[str, np.ndarray], stationary: bool) -> Certificate:
    """Certificates of all restarts.

    Args:
        landscape: The objective.
        values: Parameters by dotted name, stacked over restarts.
        stationary: Whether any restart claims to be stationary; if none does, the walks, which
            cost as much as a few dozen steps, are left out.

    Returns:
        The certificate; NaN where the objective is not finite.
    """
    u = landscape.coordinates(values)
    with np.errstate(all="ignore"):
        objective, gradient = landscape(u)
        norm = np.abs(gradient).max(1, initial=0.0)
        if not stationary or not u.shape[1]:
            return Certificate(norm, *np.zeros((3, len(u))))
        face = landscape.face(u)
        upward = _most_upward(face, u)
        escape = _walk(face, u, objective, upward, (1, -1))
        size = np.maximum(np.abs(u), 1.0)
        steepest = np.abs(gradient * size).max(1, keepdims=True)
        uphill = size * np.nan_to_num(gradient * size / np.where(steepest > 0, steepest, 1.0))
        climb = _walk(landscape, u, objective, uphill, (1,))
        left = np.zeros(len(u))
        if landscape.is_single:
            left = left_to_climb(landscape, u, gradient, landscape.moving)
    return Certificate(norm, escape, climb, left)


def _walk(landscape: Landscape | Face, u, objective, direction, signs) -> np.ndarray:
    """The largest rise of the objective on a few steps along a direction, (R,)."""
    if not np.any(direction):
        return np.zeros(len(u))
    rises = [landscape(u + sign * w * direction)[0] - objective for w in _WALKS for sign in signs]
    return np.fmax(np.fmax.reduce(rises), 0.0)


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
