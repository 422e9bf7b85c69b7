r"""Kinks of Q in a parameter, from the log joint: absolute deviations, quantile, hinge losses.

Second derivatives do not show kinks: those of a Laplace density in its location are zero wherever
they exist. Where an absolute value, a maximum or a selection lies between a parameter and the log
joint, the slope is evaluated along a line across the draws, and its intervals are bisected towards
the larger change of the slope down to rounding. A change that remains is a jump, unless slopes
next to it differ as much: where a difference of cumulative probabilities cancels, slopes are
rounding. If the slope only falls at its jumps, Q is maximised by bracketing them (`mstep.cuts`).

Whether entries interact, and whether the maximiser of one parameter depends on another, is found by
finite moves: moving an entry must not change the slope in another; and moving the other parameter
may change the slopes of a block only by a common factor, so that they vanish at the same values.
"""

from collections.abc import Mapping

import jax
import numpy as np

from jaxem.algebra.blocks import block_size
from jaxem.algebra.kinks import BENDS, Kinks
from jaxem.algebra.probe import AT_ONCE, Probe
from jaxem.algebra.prove import Trial
from jaxem.algebra.solvers import Block
from jaxem.model.prior import Parameter
from jaxem.traces.rewrite import passes

#: Unknowns of the largest block that is solved by bracketing.
LARGEST = 8

_HALVINGS = 75

#: Ends of the intervals on a line, in ordinary units, `AT_ONCE` of them. The far ones are for real
#: parameters without curvature, whose draws may be far from the data: a maximum is near if a
#: Newton step from the draws to it is shorter than `_NEARBY` units.
_NEAR = np.linspace(-1.7, 1.9, AT_ONCE)
_FAR = np.asarray([-1e9, -1e4, -30.0, -1.7, 0.1, 30.0, 1e4, 1e9])
_NEARBY = 30.0
_JUMP = 1e-7
_OFFSETS, _NOISY = (1e-7, 1e-5, 1e-3), 5.0
_SAME = 1e-9
_TURNS = 2

#: Moves in ordinary units; draws of a plan may be close together.
_SIZES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


def nonsmooth_block(
    probe: Probe, p: Parameter, trials: list[Trial], rng: np.random.Generator, kinks: Kinks
) -> Block | None:
    """The block of a parameter in which Q has kinks; None if it has none, or it is too large."""
    if not is_nonsmooth(probe, p, trials, rng, kinks):
        return None
    batch = separate_axes(probe, (p,), trials, rng)
    size = block_size(p, batch)
    return Block((p.name,), (batch,), size, False, nonsmooth=True) if size <= LARGEST else None


def is_nonsmooth(
    probe: Probe, p: Parameter, trials: list[Trial], rng: np.random.Generator, kinks: Kinks
) -> bool:
    """Whether the slope of Q jumps in a parameter, and falls wherever it jumps."""
    if p.event_dim or not p.support.has_chart:
        return False
    if p.name not in kinks.refused and not _may_bend(probe, p):
        return False
    far = p.support.is_real and not _near_top(probe, p, trials)
    for edges in (_NEAR, _FAR) if far else (_NEAR,):
        falls = np.concatenate([_falls(probe, p, t, edges, rng) for t in trials[:_TURNS]])
        if np.any(np.abs(falls) > _JUMP):
            return not np.any(falls < -_JUMP)
    return False


def _near_top(probe: Probe, p: Parameter, trials: list[Trial]) -> bool:
    """Whether, by the curvature of Q, its maximum in a parameter is near the draws.

    Far from the maximum the slopes of a smooth Q may be rounding: those of a normal log cdf are
    differences of squares.
    """
    for trial in trials[:_TURNS]:
        direction = _unit(p, trial)
        found = probe([trial.values], trial.responsibilities, [{p.name: direction}])
        slope, curvature = (np.sum(direction * part[0][p.name]) for part in found[1:])
        if not abs(slope) < _NEARBY * abs(curvature):
            return False
    return True


def _may_bend(probe: Probe, p: Parameter) -> bool:
    """Whether a primitive with a kink lies between a parameter and the log joint."""
    model = probe.model
    center = {name: np.asarray(value) for name, value in probe.center().items()} | model.fixed
    with jax.enable_x64(True):
        program = jax.make_jaxpr(model.table)(center, probe.rows).jaxpr
    leaves = [name == p.name for name in sorted(center)]
    return passes(program, leaves + [False] * len(jax.tree.leaves(probe.rows)), BENDS)


def _falls(
    probe: Probe, p: Parameter, trial: Trial, edges: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The fall of the slope across each bisected interval, relative to the largest slope."""
    origin = p.to_real(trial.values[p.name])
    direction = _unit(p, trial) * rng.normal(size=p.shape)

    def slopes(t: np.ndarray) -> np.ndarray:
        points = [p.from_real(origin + s * direction) for s in t]
        values = [{**trial.values, p.name: point} for point in points]
        _, gradients, _ = probe(values, trial.responsibilities)
        carried = [
            p.support.real_gradient(point, g[p.name])
            for point, g in zip(points, gradients, strict=True)
        ]
        return np.asarray([np.sum(direction * g) for g in carried])

    low, high = edges[:-1], edges[1:]
    at = slopes(edges)
    size = np.nanmax(np.abs(at))
    at_low, at_high = at[:-1], at[1:]
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        at_middle = slopes(middle)
        right = np.abs(at_high - at_middle) > np.abs(at_middle - at_low)
        low, at_low = np.where(right, middle, low), np.where(right, at_middle, at_low)
        high, at_high = np.where(right, high, middle), np.where(right, at_high, at_middle)
    falls = np.nan_to_num((at_low - at_high) / (size or 1.0))
    if not np.any(np.abs(falls) > _JUMP):
        return falls
    steps = np.arange(1, 7)[:, None]
    sides = [end + w * steps for w in _OFFSETS for end, w in ((low, -w), (high, w))]
    found = [np.stack([slopes(t) for t in side]) for side in sides]
    noise = np.max([np.abs(np.diff(side, n=3, axis=0)).max(0) for side in found], 0)
    return np.where(np.abs(at_low - at_high) > _NOISY * noise, falls, 0.0)


def separate_axes(
    probe: Probe, parameters: tuple[Parameter, ...], trials: list[Trial], rng: np.random.Generator
) -> tuple[int, ...]:
    """Leading axes, common to all, along which moving an entry changes no slope in another."""
    leading = [p.shape[: len(p.shape) - p.event_dim] for p in parameters]
    axes = [a for a, sizes in enumerate(zip(*leading, strict=False)) if len(set(sizes)) == 1]
    return tuple(
        a for a in axes if all(_separate(probe, parameters, a, t, rng) for t in trials[:_TURNS])
    )


def _separate(probe: Probe, parameters, axis: int, trial: Trial, rng) -> bool:
    count = parameters[0].shape[axis]
    if count == 1:
        return True
    points, held = [trial.values], []
    for size in _SIZES:
        half = rng.permutation(count) < (count + 1) // 2
        moved, fixed = dict(trial.values), {}
        for p in parameters:
            chosen = half.reshape(-1, *[1] * (len(p.shape) - axis - 1))
            fixed[p.name] = np.broadcast_to(~chosen, p.shape)
            elsewhere = _moved(p, trial, rng, size)
            moved[p.name] = np.where(fixed[p.name], trial.values[p.name], elsewhere)
        points.append(moved)
        held.append(fixed)
    _, (before, *after), _ = probe(points, trial.responsibilities)
    for p in parameters:
        largest = np.abs(before[p.name]).max(initial=0.0)
        for gradient, fixed in zip(after, held, strict=True):
            gap = np.abs(gradient[p.name] - before[p.name])[fixed[p.name]].max(initial=0.0)
            if not gap <= _SAME * largest:
                return False
    return True


def answer_depends(
    probe: Probe,
    p: Parameter,
    batch: tuple[int, ...],
    other: Parameter,
    trials: list[Trial],
    rng: np.random.Generator,
) -> bool:
    """Whether the maximiser in a parameter depends on another: no common factor of its slopes."""
    for trial in trials[:_TURNS]:
        points = [{**trial.values, p.name: _moved(p, trial, rng, size)} for size in _SIZES]
        _, before, _ = probe(points, trial.responsibilities)
        value = _moved(other, trial, rng, 1.0)
        moved = [{**point, other.name: value} for point in points]
        _, after, _ = probe(moved, trial.responsibilities)
        was, now = (np.stack([_blocks(g[p.name], batch) for g in gs]) for gs in (before, after))
        size = np.abs(was).max((0, 2), keepdims=True)
        factor = (was * now).sum((0, 2), keepdims=True) / np.where(size > 0, was**2, 1.0).sum(
            (0, 2), keepdims=True
        )
        gap = np.abs(now - factor * was).max((0, 2))
        if not np.all((gap <= _SAME * np.abs(now).max((0, 2))) & (factor.ravel() >= 0)):
            return True
    return False


def _blocks(x: np.ndarray, batch: tuple[int, ...]) -> np.ndarray:
    front = np.moveaxis(x, batch, range(len(batch)))
    return front.reshape(int(np.prod(front.shape[: len(batch)])), -1)


def _unit(p: Parameter, trial: Trial) -> np.ndarray:
    """The distance of two draws of a parameter, in real coordinates."""
    if not p.support.is_real:
        return np.ones(p.shape)
    distance = np.abs(trial.others[0][p.name] - trial.values[p.name])
    largest = distance.max(initial=0.0)
    return np.maximum(distance, 0.1 * largest) + (largest == 0)


def _moved(p: Parameter, trial: Trial, rng: np.random.Generator, size: float) -> np.ndarray:
    """A random value of a parameter, `size` ordinary units from its value in the trial."""
    if not p.support.has_chart:
        return np.asarray(trial.others[0][p.name])
    unit = size * _unit(p, trial) if p.support.is_real else min(size, 1.0)
    unit = unit if not p.event_dim else 0.3
    u = p.to_real(trial.values[p.name])
    return np.asarray(p.from_real(u + unit * rng.normal(size=np.shape(u))))


def with_jumps(
    strength: Mapping[str, Mapping[str, float]],
    probe: Probe,
    batches: Mapping[str, tuple[int, ...]],
    trials: list[Trial],
    rng: np.random.Generator,
) -> dict[str, dict[str, float]]:
    """Strengths of dependence, for parameters in which Q has kinks by finite moves.

    Args:
        strength: Strengths by second derivatives, which do not show kinks.
        probe: Q and its derivatives on the planning rows.
        batches: Batch axes of each parameter in which Q has kinks.
        trials: Parameters and responsibilities at which Q is evaluated.
        rng: Random moves.
    """
    out = {name: dict(row) for name, row in strength.items()}
    for p in probe.free:
        if p.name in batches:
            batch = batches[p.name]
            others = [b for b in probe.free if b.name != p.name]
            found = [b for b in others if answer_depends(probe, p, batch, b, trials, rng)]
            out[p.name] = {b.name: strength[p.name].get(b.name, 1.0) for b in found}
    return out
