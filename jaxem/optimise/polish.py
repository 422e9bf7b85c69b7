r"""The finish: a quasi-Newton climb of the exact objective, where EM is slow.

EM's rate is that of a fixed point; near a maximum the objective is a quadratic, and its gradient is
known: it is that of Q at the same parameters (Fisher's identity). The second derivatives are taken
once, from differences of gradients along the d coordinates, their eigenvalues made positive
(directions of wrong curvature are climbed, those of none left alone), and then corrected by the
BFGS update, one evaluation a step. A step that does not keep a share of its promise is halved
(Armijo's rule); where the promise is rounding of the objective, a step must make the gradient
smaller. The climb is in real coordinates, without any Jacobian: it changes the way, not the top.
What it found is judged by the loop like any extrapolation, and EM goes on from it, or from where it
was. Coordinates at a kink of the log prior are held: the climb is along the face that EM has found.

    J. Nocedal and S. J. Wright (2006), Numerical Optimization, chapters 3 and 6.
"""

from typing import NamedTuple

import jax
import numpy as np

from jaxem.numerics.symmetric import spectrum
from jaxem.objective.landscape import Face, Landscape
from jaxem.optimise.state import State

#: Coordinates beyond which a matrix of second derivatives is not made.
LARGEST = 512

_PASSES = 60
_HALVINGS = 12
_SUFFICIENT = 1e-4
_BLIND = 100.0
_NOTHING = 1e-7
_LONGEST = 3.0
_LEAST = 1e-12


class Polished(NamedTuple):
    """How restarts climbed.

    Attributes:
        u: Coordinates of the highest points, (R, d).
        objective: The objective there, (R,).
        evaluations: Gradients that each restart took, (R,).
        trace: The highest objective so far after each of them, one list a restart.
    """

    u: np.ndarray
    objective: np.ndarray
    evaluations: np.ndarray
    trace: list[list[float]]


def climb_on(landscape: Landscape, states: State, restarts: np.ndarray, max_steps: int) -> list:
    """Let some restarts climb, and have the loop judge where they came to.

    Args:
        landscape: The objective.
        states: Of all restarts, NumPy leaves, which are changed.
        restarts: The restarts that climb.
        max_steps: Limit of evaluations of a restart, those of the climb included.

    Returns:
        For each of them, the highest objective after each evaluation.
    """
    here = {name: np.asarray(leaf)[restarts] for name, leaf in states.previous.items()}
    was = np.asarray(states.objective)[restarts]
    with np.errstate(all="ignore"):
        start = landscape.coordinates(here)
        found = climb(
            landscape.face(start),
            start,
            float(np.finfo(was.dtype).eps),
            max_steps - 1 - np.asarray(states.steps)[restarts],
        )
        there = landscape.values(found.u, here)
    rose = found.objective > was
    for name, leaf in states.values.items():
        shape = (-1, *[1] * (leaf.ndim - 1))
        leaf[restarts] = np.where(rose.reshape(shape), there[name], states.image[name][restarts])
    for leaf in jax.tree.leaves(states.memory):
        leaf[restarts] = 0
    states.extrapolated[restarts], states.rest[restarts], states.plain[restarts] = rose, 2, 0
    states.steps[restarts] += found.evaluations
    return [np.fmax(t, w).tolist() for t, w in zip(found.trace, was, strict=True)]


def climb(landscape: Landscape | Face, u: np.ndarray, eps: float, allowed: np.ndarray) -> Polished:
    """Climb from flat coordinates until a step promises no more than rounding.

    Args:
        landscape: Objective and gradient.
        u: Where to begin, (R, d); a restart with no finite objective there stays.
        eps: The unit of rounding.
        allowed: Evaluations that each restart may take, (R,).
    """
    width = int(landscape.moving.sum())
    if not (allowed > width).any():
        nothing = np.zeros(len(u), int)
        return Polished(u, np.full(len(u), -np.inf), nothing, [[] for _ in u])
    value, gradient = landscape(u)
    able = allowed > width
    going = able & np.isfinite(value) & np.isfinite(gradient).all(1)
    curvature = _curvature(landscape, u, gradient, np.sqrt(eps))
    going &= np.isfinite(curvature).all((1, 2))
    curvature = _positive(np.where(going[:, None, None], curvature, 0.0), eps)
    trace = [[float(v)] * (1 + width) if a else [] for v, a in zip(value, able, strict=True)]
    step, share = _steps(curvature, gradient, landscape.unitless, eps), np.ones(len(u))
    for _ in range(_PASSES):
        promise, noise = (gradient * step).sum(1), 10 * eps * (1 + np.abs(value))
        blind = promise <= _BLIND * noise
        going &= (promise > _NOTHING * noise) & (share > np.where(blind, 0.5, 0.5**_HALVINGS))
        going &= np.asarray([len(t) for t in trace]) < allowed
        if not going.any():
            break
        there = u + np.where(going, share, 0.0)[:, None] * step
        new, slope = landscape(there)
        rises = new >= value + _SUFFICIENT * share * promise
        flatter = (np.abs(slope).max(1) < np.abs(gradient).max(1)) & (new >= value - noise)
        kept = going & np.isfinite(slope).all(1) & (rises | (blind & flatter))
        curvature = np.where(
            kept[:, None, None], _update(curvature, there - u, gradient - slope), curvature
        )
        u, gradient = np.where(kept[:, None], there, u), np.where(kept[:, None], slope, gradient)
        value = np.where(kept, new, value)
        for restart in np.flatnonzero(going):
            trace[restart].append(max(float(value[restart]), trace[restart][-1]))
        fresh = _steps(curvature, gradient, landscape.unitless, eps)
        step = np.where(kept[:, None], fresh, step)
        share = np.where(kept, 1.0, share / 2)
    return Polished(u, value, np.asarray([len(t) for t in trace]), trace)


def _curvature(landscape: Landscape | Face, u, gradient, move: float) -> np.ndarray:
    """Negative second derivatives (R, d, d), a column a gradient."""
    size = np.maximum(np.abs(u), 1.0)
    matrix = np.zeros((*u.shape, u.shape[1]))
    for k in np.flatnonzero(landscape.moving):
        along = np.zeros_like(u)
        along[:, k] = move * size[:, k]
        matrix[:, :, k] = (gradient - landscape(u + along)[1]) / along[:, k : k + 1]
    return (matrix + matrix.swapaxes(-1, -2)) / 2


def _positive(matrix: np.ndarray, eps: float) -> np.ndarray:
    """The matrix with the absolute values of its eigenvalues, those near zero made zero."""
    values, directions, scale = spectrum(matrix, _LEAST)
    values = np.where(np.abs(values) > _none(values, eps), np.abs(values), 0.0)
    half = (scale**2)[:, :, None] * directions * np.sqrt(values)[:, None, :]
    return half @ half.swapaxes(-1, -2)


def _steps(matrix: np.ndarray, gradient: np.ndarray, unitless: np.ndarray, eps: float):
    """Newton's steps (R, d), no logarithm or logit going further than a few units."""
    values, directions, _ = spectrum(matrix, _LEAST)
    inverse = np.where(values > _none(values, eps), 1 / values, 0.0)
    along = np.einsum("rij,ri->rj", directions, gradient)
    step = np.einsum("rij,rj->ri", directions, np.where(inverse > 0, inverse, 0.0) * along)
    step = np.where(np.isfinite(step), step, 0.0)
    longest = np.abs(step * unitless).max(1, initial=0.0, keepdims=True)
    return step / np.maximum(longest / _LONGEST, 1.0)


def _none(values: np.ndarray, eps: float) -> np.ndarray:
    """Eigenvalues below this are differences of rounded gradients."""
    return 10 * np.sqrt(eps) * np.abs(values).max(1, initial=0.0, keepdims=True)


def _update(matrix: np.ndarray, move: np.ndarray, change: np.ndarray) -> np.ndarray:
    """BFGS: the matrix with the curvature along a move corrected, where that is positive."""
    image = np.einsum("rij,rj->ri", matrix, move)
    bend, was = (move * change).sum(1), (move * image).sum(1)
    good = (bend > 1e-8 * was) & (was > 0)
    bend, was = np.where(good, bend, 1.0), np.where(good, was, 1.0)
    gained = change[:, :, None] * change[:, None, :] / bend[:, None, None]
    lost = image[:, :, None] * image[:, None, :] / was[:, None, None]
    return np.where(good[:, None, None], matrix + gained - lost, matrix)
