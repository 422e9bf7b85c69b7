r"""Independent blocks inside a parameter, found by Hessian-vector products.

An axis of a parameter is a batch axis when Q has no interaction along it: exactly when
:math:`H(s \odot v) = s \odot H v` for every scaling :math:`s` that varies along that axis alone.
A random :math:`s` and :math:`v` decide, one product an axis.
"""

import numpy as np

from jaxem.algebra.probe import Probe, Values
from jaxem.algebra.prove import Solve, Trial
from jaxem.model.prior import Parameter
from jaxem.numerics.symmetric import spectrum

_COUPLED = 1e-9


def batch_axes(
    probe: Probe, parameters: tuple[Parameter, ...], trials: list[Trial], rng: np.random.Generator
) -> tuple[int, ...]:
    """Non-event axes, common to all, along which parameters, taken together, do not interact.

    Args:
        probe: Q and its derivatives on the planning rows.
        parameters: One, or several.
        trials: Parameters and responsibilities at which Q is evaluated; the first two are used.
        rng: Random scalings.

    Returns:
        The axes, counted from the front.
    """
    leading = [p.shape[: len(p.shape) - p.event_dim] for p in parameters]
    axes = {a for a, sizes in enumerate(zip(*leading, strict=False)) if len(set(sizes)) == 1}
    for trial in trials[:2]:
        v = {p.name: rng.normal(size=p.shape) for p in parameters}
        scalings = {a: _scaling(parameters[0], a, rng) for a in axes}
        scaled = [
            {p.name: _align(scalings[a], p) * v[p.name] for p in parameters} for a in sorted(axes)
        ]
        points = [trial.values] * (1 + len(scaled))
        _, _, products = probe(points, trial.responsibilities, [v, *scaled])
        for a, product in zip(sorted(axes), products[1:], strict=True):
            if _interacts(parameters, products[0], product, scalings[a]):
                axes.discard(a)
    return tuple(sorted(axes))


def _scaling(p: Parameter, axis: int, rng: np.random.Generator) -> np.ndarray:
    """A random scaling along one axis, of shape (1, ..., n); see `_align`."""
    return rng.uniform(0.5, 1.5, size=(1,) * axis + (p.shape[axis],))


def _align(scaling: np.ndarray, p: Parameter) -> np.ndarray:
    return scaling.reshape(scaling.shape + (1,) * (len(p.shape) - scaling.ndim))


def _interacts(parameters, product, scaled_product, scaling) -> bool:
    for p in parameters:
        gap = scaled_product[p.name] - _align(scaling, p) * product[p.name]
        size = np.abs(product[p.name]).max(initial=0.0)
        if not np.abs(gap).max(initial=0.0) <= _COUPLED * size:
            return True
    return False


def same_at_every_row(
    probe: Probe, parameters: tuple[Parameter, ...], trials: list[Trial], rng: np.random.Generator
) -> bool:
    """Whether the curvature of Q depends on the rows through the counts of the states alone.

    It does for a Gaussian mean, and not for regression coefficients. If the responsibilities of
    rows are permuted the counts stay the same, and so must the Hessian. The M-step may then
    evaluate it at a single row.
    """
    for trial in trials[:2]:
        v = {p.name: rng.normal(size=p.shape) for p in parameters}
        before = trial.responsibilities
        after = before[rng.permutation(len(before))]
        mixed = after * (before.sum(0) / after.sum(0))
        _, _, (given,) = probe([trial.values], before, [v])
        _, _, (permuted,) = probe([trial.values], mixed, [v])
        for p in parameters:
            gap = np.abs(given[p.name] - permuted[p.name]).max(initial=0.0)
            if not gap <= _COUPLED * np.abs(given[p.name]).max(initial=0.0):
                return False
    return True


def block_size(p: Parameter, batch: tuple[int, ...]) -> int:
    """The number of unknowns of a block."""
    return int(np.prod([n for a, n in enumerate(p.shape) if a not in batch]))


def by_least_squares(probe: Probe, p: Parameter, batch: tuple[int, ...]) -> Solve:
    """One Newton step in independent blocks: the maximiser if Q is quadratic in the parameter.

    The Hessian of a trial is taken at its first start: a quadratic has the same everywhere, and for
    any other Q the answers from other starts then differ.
    """
    hessians: dict[int, tuple[Trial, np.ndarray]] = {}

    def hessian_of(trial: Trial, values: Values) -> np.ndarray:
        if id(trial) not in hessians:
            tangents = [{p.name: e} for e in _columns(p, batch)]
            _, _, products = probe([values] * len(tangents), trial.responsibilities, tangents)
            hessians[id(trial)] = (
                trial,
                np.stack([_to_blocks(h[p.name], batch) for h in products], -1),
            )
        return hessians[id(trial)][1]

    def solve(trial: Trial, start: np.ndarray):
        values = {**trial.values, p.name: start}
        hessian = hessian_of(trial, values)
        _, (gradient,), _ = probe([values], trial.responsibilities)
        g = _to_blocks(gradient[p.name], batch)
        touched = np.abs(hessian).max(-1) > 0
        step = np.stack([_step(h, b) for h, b in zip(hessian, g, strict=True)])
        answer = start + _from_blocks(step, p, batch)
        return answer, _from_blocks(touched, p, batch)

    return solve


def _step(hessian: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The Newton step of a concave block; NaN if a curvature is positive."""
    values, directions, _ = spectrum(hessian)
    floor = 1e-12 * np.abs(values).max(initial=0.0)
    if np.any(values > floor):
        return np.full_like(gradient, np.nan)
    curved = values < -floor
    inverse = np.where(curved, -1 / np.where(curved, values, 1.0), 0.0)
    return directions @ (inverse * (directions.T @ gradient))


def _columns(p: Parameter, batch: tuple[int, ...]) -> list[np.ndarray]:
    """Unit tangents: each moves one unknown of every block at once."""
    size = block_size(p, batch)
    blocks = int(np.prod([p.shape[a] for a in batch]))
    return [_from_blocks(np.tile(e, (blocks, 1)), p, batch) for e in np.eye(size)]


def _to_blocks(x: np.ndarray, batch: tuple[int, ...]) -> np.ndarray:
    front = np.moveaxis(x, batch, range(len(batch)))
    return front.reshape(int(np.prod([x.shape[a] for a in batch])), -1)


def _from_blocks(x: np.ndarray, p: Parameter, batch: tuple[int, ...]) -> np.ndarray:
    rest = [n for a, n in enumerate(p.shape) if a not in batch]
    front = x.reshape([p.shape[a] for a in batch] + rest)
    return np.moveaxis(front, range(len(batch)), batch)
