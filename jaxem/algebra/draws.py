r"""Draws of ordinary parameters for a model, from its supports and its data alone.

A plan is proved at several parameter values; values far from the data (a mean of 0 where the data
are near 1e8) would prove little. So coarse ascents of Q start at the reference parameters, each
under random responsibilities: for every parameter one Newton step, or one search along the
gradient over many orders of magnitude. A draw mixes three ascents elementwise in real coordinates,
:math:`u_a + 0.7 \varepsilon (u_b - u_c)`, which keeps offset and scale.
"""

import numpy as np

from jaxem.algebra.probe import Probe, Values
from jaxem.algebra.rows import ordinary_rows
from jaxem.model.prior import Parameter
from jaxem.supports import Matrices

_STRIDES = 4.0 ** np.arange(-4, 3)
_FAR_STRIDES = 4.0 ** np.arange(-4, 17)
_LARGEST = 48
_WORTHWHILE = 0.5
_PARTS = (1.0, 0.9, 0.5)
_NARROW = 1e-5


def random_responsibilities(probe: Probe, rng: np.random.Generator, evenness: float) -> np.ndarray:
    """Random responsibilities times random row weights, zero at impossible states, (n, K).

    Rows that only fill up the planning rows have weight zero, and use no random numbers.
    """
    possible = probe.possible[: probe.count]
    responsibilities = rng.gamma(evenness, size=possible.shape) + 1e-6
    responsibilities = responsibilities * possible
    total = responsibilities.sum(1, keepdims=True)
    responsibilities = np.where(total > 0, responsibilities / np.where(total > 0, total, 1.0), 0.0)
    responsibilities = responsibilities * rng.uniform(0.5, 1.5, size=(probe.count, 1))
    return np.pad(responsibilities, ((0, len(probe.possible) - probe.count), (0, 0)))


def ascend_apart(probe: Probe, reference: Values, rng: np.random.Generator) -> tuple[Values, ...]:
    """Three coarse ascents from the reference, each under its own uneven responsibilities."""
    ordinary = ordinary_rows(probe.rows)[:, None]
    responsibilities = [ordinary * random_responsibilities(probe, rng, 0.3) for _ in range(3)]
    ascents = tuple(ascend(probe, reference, share, probe.free) for share in responsibilities)
    for p in probe.free:
        if p.support.is_real and all(np.array_equal(c[p.name], reference[p.name]) for c in ascents):
            unit = _curvature_unit(probe, reference, p, responsibilities[0], rng)
            ascents = tuple(
                {**c, p.name: c[p.name] + unit * rng.normal(size=p.shape)} for c in ascents
            )
    return ascents


def _curvature_unit(
    probe: Probe, reference: Values, p: Parameter, responsibilities: np.ndarray, rng
) -> float:
    """The length by which all entries move to change Q by about a nat a row; 0.1 if none does.

    It is the scale of a location that no ascent moved: a mean of 0 of data near 1e-8.
    """
    signs = rng.choice([-1.0, 1.0], size=p.shape)
    _, _, (image,) = probe([reference], responsibilities, [{p.name: signs}])
    curvature = float(np.abs((signs * image[p.name]).sum())) / max(signs.size, 1)
    unit = np.sqrt(probe.count / curvature) if curvature > 0 else np.inf
    return float(unit) if np.isfinite(unit) else 0.1


def mix(
    parameters: tuple[Parameter, ...], ascents: tuple[Values, ...], rng: np.random.Generator
) -> Values:
    """One draw: three coarse ascents mixed elementwise in real coordinates."""
    out = {}
    for p in parameters:
        values = [ascents[i][p.name] for i in rng.choice(len(ascents), 3, False)]
        a, b, c = (np.asarray(p.to_real(value), float) for value in values)
        unit = 0.3 if p.support.has_chart else 0.5
        if p.support.is_real:
            unit = 0.1 * _spread(p, ascents, b, c) or 0.1
        if isinstance(p.support, Matrices):
            unit = 0.1 * p.support.moving(p.shape) * p.support.lengths(a)
        u = a + 0.7 * rng.normal(size=a.shape) * (b - c) + unit * rng.normal(size=a.shape)
        out[p.name] = np.asarray(p.from_real(u), float)
    return out


def _spread(p: Parameter, ascents: tuple[Values, ...], b: np.ndarray, c: np.ndarray) -> float:
    """Largest distance of two coarse ascents in a parameter; of any two, where it is zero."""
    spread = np.abs(b - c).max(initial=0.0)
    return float(spread or np.ptp(np.stack([x[p.name] for x in ascents]), axis=0).max(initial=0.0))


def ascend(
    probe: Probe,
    values: Values,
    responsibilities: np.ndarray,
    parameters: tuple[Parameter, ...],
) -> Values:
    """One round of coarse ascent steps on Q, one parameter after another."""
    for p in parameters:
        candidates = _candidates(probe, values, responsibilities, p)
        points = [values] + [{**values, p.name: c} for c in candidates]
        q, _, _ = probe(points, responsibilities)
        values = points[_nearest_good(np.where(np.isfinite(q), q, -np.inf))]
    return values


def _nearest_good(q: np.ndarray) -> int:
    """Index of the shortest step with nine tenths of the best gain; 0, no step, for a small gain.

    Along a flat direction (degrees of freedom beyond a few dozen) longer steps would lead to
    parameters at which the model is indistinguishable from a simpler one.
    """
    best = q.max()
    if not best > q[0] + _WORTHWHILE:
        return 0
    if not np.isfinite(q[0]):
        return int(np.argmax(q))
    return int(np.argmax(q >= q[0] + 0.9 * (best - q[0])))


def _candidates(probe: Probe, values: Values, responsibilities: np.ndarray, p) -> list[np.ndarray]:
    _, (gradient,), _ = probe([values], responsibilities)
    t, g = values[p.name], gradient[p.name]
    if not np.all(np.isfinite(g)):
        return []
    steps, strides = [], _STRIDES
    if (p.support.is_real or not p.support.has_chart) and t.size <= _LARGEST:
        newton = _newton_step(probe, values, responsibilities, p, g)
        if not p.support.has_chart:  # ordered numbers keep their order when they move together
            steps += [t + newton.mean(), *(t + part * newton for part in _PARTS)]
        else:
            steps.append(t + newton)
            strides = _STRIDES if np.any(newton) else _FAR_STRIDES  # no curvature tells how far
    u, gu = p.to_real(t), p.support.real_gradient(t, g)
    size = np.abs(gu).max(initial=0.0)
    if size > 0:
        weak = np.abs(gu) < 1e-6 * size
        for stride in strides:
            for direction in (np.where(weak, 0.0, np.sign(gu)), gu / size):
                steps.append(np.asarray(p.from_real(u + stride * direction), float))
    return [s for s in steps if _has_coordinates(p, s)]


def _has_coordinates(p: Parameter, value: np.ndarray) -> bool:
    """Whether a value, as rounded, is in its support and has finite real coordinates."""
    if not np.all(np.isfinite(value)):
        return False
    if not p.support.has_chart and not np.all(p.support.contains(value)):
        return False
    try:
        u = np.asarray(p.to_real(value))
        return bool(np.all(np.isfinite(u)) and _is_conditioned(p, u))
    except np.linalg.LinAlgError:
        return False


def _newton_step(probe: Probe, values: Values, responsibilities, p, g) -> np.ndarray:
    size = g.size
    tangents = [{p.name: e.reshape(g.shape)} for e in np.eye(size)]
    _, _, columns = probe([values] * size, responsibilities, tangents)
    hessian = np.stack([c[p.name].ravel() for c in columns], -1)
    if not np.all(np.isfinite(hessian)):
        return np.full(g.shape, np.nan)
    step, *_ = np.linalg.lstsq(-(hessian + hessian.T) / 2, g.ravel(), rcond=1e-12)
    return step.reshape(g.shape)


def _is_conditioned(p: Parameter, u: np.ndarray) -> bool:
    """Whether a matrix is far enough from singular for an accurate determinant."""
    if not isinstance(p.support, Matrices):
        return True
    log_widths = np.diagonal(u, axis1=-2, axis2=-1)
    relative = np.linalg.norm(np.tril(u, -1), axis=-1) * np.exp(-log_widths)
    return bool(np.all(relative < 1 / _NARROW))
