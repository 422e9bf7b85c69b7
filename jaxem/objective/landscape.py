r"""The objective function: the objective of real coordinates, with its gradient.

One compiled program evaluates it at as many points as there are restarts; any of them may be a
trial point of a walk. Where an entry is exactly at a kink of the log prior there are many slopes;
the one nearest to zero is taken, and is zero at a maximum. Walks along directions hold such entries
(`Landscape.face`).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxem.algebra.penalty import Penalty
from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.compiled.buckets import bucket, filled
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.model.prior import Parameter
from jaxem.objective.priors import log_priors

#: Coordinates up to which few evaluations are expected, and quick compilation is preferred.
_FEW = 16


class Landscape:
    """The objective of a batch as a function of real coordinates, for all restarts.

    Attributes:
        unitless: Which coordinates are logarithms or logits, (d,); set by `coordinates`.
        other: Which belong to a support without a chart of its own, (d,).
        moving: Which coordinates matter, (d,): not those above the diagonal of a triangle.
        rows: Number of rows that the objective sums over.
    """

    def __init__(self, model: Model, plan: Plan, algorithm: Algorithm, source: Source):
        self._free = model.free
        self._model, self._plan = model, plan
        self._source = source
        self._ascents = plan.ascents
        self.rows = source.rows

        penalty = Penalty(model, plan.kinks.centres)
        self._centres = plan.kinks.centres

        def both(u, fixed, source):
            """Objective and gradient, by Fisher's identity that of Q at the E-step's parameters."""

            def values(u):
                return {**fixed, **{p.name: p.from_real(u[p.name]) for p in model.free}}

            def smooth(u):
                return q(values(u)) + penalty.absolute(values(u))

            at = jax.lax.stop_gradient(values(u))
            evidence, _, q = source.expect(model, algorithm.e_step, at)
            slope = penalty.steepest(at, jax.grad(smooth)(penalty.aside(u)))
            return evidence + model.prior_density(at), slope

        program = jax.vmap(both, in_axes=(0, None, None))
        few = sum(int(np.prod(p.unconstrained_shape)) for p in model.free) <= _FEW
        self._program = plan.program(("objective", algorithm.e_step), program, brief=few)
        self._dtype = source.batch.weights.dtype
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._count = 1
        self.unitless = self.moving = self.other = np.zeros(0, bool)
        self._fixed = {k: np.asarray(v, self._dtype) for k, v in model.fixed.items()}

    @property
    def is_single(self) -> bool:
        """Whether it is evaluated in single precision."""
        return self._dtype == np.float32

    @property
    def widths(self) -> list[int]:
        """Number of coordinates of each free parameter."""
        return [int(np.prod(shape)) for shape in self._shapes.values()]

    def coordinates(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Flat real coordinates, (R, d); NaN where a matrix is not positive definite."""
        u = {p.name: _to_real(p, values[p.name]) for p in self._free}
        self._shapes = {k: v.shape[1:] for k, v in u.items()}
        self._count = len(next(iter(u.values())))
        self.unitless = np.repeat([not p.support.is_real for p in self._free], self.widths)
        self.other = np.repeat([not p.support.has_chart for p in self._free], self.widths)
        self.moving = np.concatenate(
            [p.support.moving(self._shapes[p.name]).ravel() for p in self._free]
        )
        return np.concatenate([v.reshape(v.shape[0], -1) for v in u.values()], 1)

    def values(self, u: np.ndarray, near: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Parameters with coordinates u; exact zeros of ``near`` stay, as do fixed parameters."""
        out = dict(near)
        for p in self._free:
            value = np.asarray(p.from_real(np.asarray(self._split(u)[p.name])), self._dtype)
            out[p.name] = np.where(near[p.name] == 0, near[p.name], value)
        return out

    def log_priors(self, values: Mapping[str, Any]) -> np.ndarray:
        """Log prior of stacked parameters by dotted name, (R,)."""
        return log_priors(self._model, self._plan, values)

    def __call__(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Objective (R,) and gradient (R, d) at flat coordinates."""
        count, leaves = len(u), self._split(filled(u, bucket(len(u))))
        value, gradient = self._program(leaves, self._fixed, self._source)
        flat = [np.asarray(gradient[k])[:count].reshape(count, -1) for k in self._shapes]
        return np.asarray(value, float)[:count], np.concatenate(flat, 1).astype(float)

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Objective (m,) and gradient (m, d) at any number of points (m, d).

        They are evaluated in groups of as many as there are restarts, so that nothing compiles.
        """
        groups = range(0, len(points), self._count)
        found = []
        for start in groups:
            group = points[start : start + self._count]
            missing = np.repeat(group[:1], self._count - len(group), 0)
            value, gradient = self(np.concatenate([group, missing]))
            found.append((value[: len(group)], gradient[: len(group)]))
        if not found:
            return np.zeros(0), np.zeros((0, points.shape[1]))
        values, gradients = zip(*found, strict=True)
        return np.concatenate(values), np.concatenate(gradients)

    def units(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Units and ordinary distances along the coordinates, (R, d) each.

        Both are 1 for a logarithm or a logit. The ordinary distance of a real number is the spread
        of ordinary values, its unit the distance from the reference where that is larger.
        """
        out, leaves = [], self._split(u)
        for p in self._free:
            value = np.asarray(leaves[p.name], float)
            out.append([leaf.reshape(len(u), -1) for leaf in self._units_of(p, value)])
        longer, spread = (np.concatenate(leaves, 1) for leaves in zip(*out, strict=True))
        return longer, spread

    def reference(self) -> np.ndarray:
        """Coordinates of the reference parameters, (d,)."""
        reference = [_to_real(p, self._ascents[0][p.name][None]).ravel() for p in self._free]
        return np.concatenate(reference)

    def _units_of(self, p: Parameter, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if p.support.is_real:
            reference = self._ascents[0][p.name]
            spread = np.max([np.abs(c[p.name] - reference) for c in self._ascents], axis=0)
            distance = np.abs(value - reference)
            spread = np.where(spread > 0, spread, np.where(distance > 0, distance, 1.0))
            return np.fmax(distance, spread), spread
        unit = p.support.lengths(value)
        return unit, unit

    def face(self, u: np.ndarray) -> "Landscape | Face":
        """The objective function with the coordinates held that are exactly at a kink."""
        held = self.resting(u)
        return Face(self, u, held) if held.any() else self

    def resting(self, u: np.ndarray) -> np.ndarray:
        """Which coordinates are exactly at a kink, (R, d)."""
        leaves = self._split(u)
        rests = {n: leaves[n] == c.astype(self._dtype) for n, c in self._centres.items()}
        flat = [rests.get(n, np.zeros(leaves[n].shape, bool)) for n in self._shapes]
        return np.concatenate([np.asarray(leaf).reshape(len(u), -1) for leaf in flat], 1)

    def _split(self, u: np.ndarray) -> dict[str, Any]:
        out, start = {}, 0
        for name, shape in self._shapes.items():
            width = int(np.prod(shape))
            piece = u[:, start : start + width].reshape(len(u), *shape)
            out[name] = np.asarray(piece, self._dtype)
            start += width
        return out


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """The objective function with some coordinates held.

    Attributes:
        whole: The objective function.
        at: Coordinates whose held ones stay, (R, d).
        held: Which coordinates are held, (R, d).
    """

    whole: Landscape
    at: np.ndarray
    held: np.ndarray

    @property
    def unitless(self) -> np.ndarray:
        """See `Landscape`."""
        return self.whole.unitless

    @property
    def moving(self) -> np.ndarray:
        """See `Landscape`."""
        return self.whole.moving

    def __call__(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Objective (R,), and gradient (R, d), which is zero where held."""
        value, gradient = self.whole(np.where(self.held, self.at, u))
        return value, np.where(self.held, 0.0, gradient)


def _to_real(p: Parameter, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    try:
        return np.asarray(p.to_real(values), float)
    except np.linalg.LinAlgError:
        return np.stack([_to_real_or_nan(p, value) for value in values])


def _to_real_or_nan(p: Parameter, value: np.ndarray) -> np.ndarray:
    """Coordinates of one restart, NaN if singular; NumPy refuses a stack for one such matrix."""
    try:
        return np.asarray(p.to_real(value), float)
    except np.linalg.LinAlgError:
        return np.full(value.shape, np.nan)
