r"""The finish: a quasi-Newton climb of the exact objective, where EM is slow.

EM converges linearly; near a maximum the objective is a quadratic, and its gradient is known: it is
that of Q at the same parameters (Fisher's identity). The second derivatives are taken once, from
differences of gradients along the d coordinates, and their eigenvalues made positive, so that steps
climb along directions of wrong curvature; those near zero are left out. Then the BFGS update
corrects them, with one evaluation a step. A step that does not keep a share of its predicted gain
is halved (Armijo's rule); where the predicted gain is within the rounding of the objective, a step
must make the gradient smaller. The climb is in real coordinates, without a Jacobian, which does not
move the maximum. The loop judges the point reached as it does an extrapolation, and EM goes on from
there, or from the image of the accepted parameters. Coordinates at a kink of the log prior are
held.

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

#: Share of the predicted gain that a step must keep (Armijo's rule).
_SUFFICIENT = 1e-4

#: Below so many times its rounding the objective cannot show a predicted gain, and below so many no
#: step is worth taking.
_UNSEEN = 100.0
_NEGLIGIBLE = 1e-7

#: Logarithms and logits move at most so far in a step.
_LONGEST = 3.0

#: Smallest diagonal entry by which a matrix is scaled; see `spectrum`.
_LEAST = 1e-12

#: Plain EM steps after a climb: two gains give a rate.
_EM_STEPS_AFTER = 2


class Polished(NamedTuple):
    """Restarts after a climb.

    Attributes:
        u: Coordinates of the highest points, (R, d).
        objective: The objective there, (R,).
        evaluations: Gradients that each restart took, (R,).
        trace: The highest objective after each evaluation, one list a restart.
    """

    u: np.ndarray
    objective: np.ndarray
    evaluations: np.ndarray
    trace: list[list[float]]


def climb_on(landscape: Landscape, states: State, restarts: np.ndarray, max_steps: int) -> list:
    """Let some restarts climb, and make the points they reached candidates of the loop.

    Args:
        landscape: The objective function.
        states: States of all restarts, NumPy leaves, which are changed.
        restarts: Indices of the restarts that climb, (R,).
        max_steps: Limit of evaluations of a restart, those of the climb included.

    Returns:
        For each of them, the highest objective after each evaluation.
    """
    accepted = {name: np.asarray(leaf)[restarts] for name, leaf in states.accepted.items()}
    objective = np.asarray(states.objective)[restarts]
    with np.errstate(all="ignore"):
        start = landscape.coordinates(accepted)
        found = climb(
            landscape.face(start),
            start,
            float(np.finfo(objective.dtype).eps),
            max_steps - 1 - np.asarray(states.steps)[restarts],
        )
        reached = landscape.values(found.u, accepted)
    rose = found.objective > objective
    for name, leaf in states.candidate.items():
        shape = (-1, *[1] * (leaf.ndim - 1))
        leaf[restarts] = np.where(rose.reshape(shape), reached[name], states.image[name][restarts])
    for leaf in jax.tree.leaves(states.memory):
        leaf[restarts] = 0
    states.extrapolated[restarts] = rose
    states.em_steps_due[restarts], states.em_steps[restarts] = _EM_STEPS_AFTER, 0
    states.steps[restarts] += found.evaluations
    return [np.fmax(t, v).tolist() for t, v in zip(found.trace, objective, strict=True)]


def climb(landscape: Landscape | Face, u: np.ndarray, eps: float, allowed: np.ndarray) -> Polished:
    """Climb from flat coordinates until the predicted gain of a step is rounding.

    Args:
        landscape: Objective and gradient.
        u: Coordinates of the starts, (R, d); a restart with no finite objective there stays.
        eps: Machine epsilon of the objective.
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
        predicted, noise = (gradient * step).sum(1), 10 * eps * (1 + np.abs(value))
        unseen = predicted <= _UNSEEN * noise
        going &= predicted > _NEGLIGIBLE * noise
        going &= share > np.where(unseen, 0.5, 0.5**_HALVINGS)
        going &= np.asarray([len(t) for t in trace]) < allowed
        if not going.any():
            break
        tried = u + np.where(going, share, 0.0)[:, None] * step
        new, slope = landscape(tried)
        rises = new >= value + _SUFFICIENT * share * predicted
        flatter = (np.abs(slope).max(1) < np.abs(gradient).max(1)) & (new >= value - noise)
        kept = going & np.isfinite(slope).all(1) & (rises | (unseen & flatter))
        curvature = np.where(
            kept[:, None, None], _update(curvature, tried - u, gradient - slope), curvature
        )
        u, gradient = np.where(kept[:, None], tried, u), np.where(kept[:, None], slope, gradient)
        value = np.where(kept, new, value)
        for restart in np.flatnonzero(going):
            trace[restart].append(max(float(value[restart]), trace[restart][-1]))
        fresh = _steps(curvature, gradient, landscape.unitless, eps)
        step = np.where(kept[:, None], fresh, step)
        share = np.where(kept, 1.0, share / 2)
    return Polished(u, value, np.asarray([len(t) for t in trace]), trace)


def _curvature(landscape: Landscape | Face, u, gradient, move: float) -> np.ndarray:
    """Negative second derivatives (R, d, d), one gradient for each column."""
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
    values = np.where(np.abs(values) > _zero_below(values, eps), np.abs(values), 0.0)
    half = (scale**2)[:, :, None] * directions * np.sqrt(values)[:, None, :]
    return half @ half.swapaxes(-1, -2)


def _steps(matrix: np.ndarray, gradient: np.ndarray, unitless: np.ndarray, eps: float):
    """Newton steps (R, d), in which no logarithm or logit moves by more than a few units."""
    values, directions, _ = spectrum(matrix, _LEAST)
    inverse = np.where(values > _zero_below(values, eps), 1 / values, 0.0)
    along = np.einsum("rij,ri->rj", directions, gradient)
    step = np.einsum("rij,rj->ri", directions, np.where(inverse > 0, inverse, 0.0) * along)
    step = np.where(np.isfinite(step), step, 0.0)
    longest = np.abs(step * unitless).max(1, initial=0.0, keepdims=True)
    return step / np.maximum(longest / _LONGEST, 1.0)


def _zero_below(values: np.ndarray, eps: float) -> np.ndarray:
    """Size below which eigenvalues are rounding of the gradients, (R, 1)."""
    return 10 * np.sqrt(eps) * np.abs(values).max(1, initial=0.0, keepdims=True)


def _update(matrix: np.ndarray, move: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The BFGS update of the matrices (R, d, d), where the curvature along the move is positive.

    Args:
        matrix: Negative second derivatives, (R, d, d).
        move: Changes of the coordinates, (R, d).
        change: Decreases of the gradient, (R, d).
    """
    product = np.einsum("rij,rj->ri", matrix, move)
    curved, expected = (move * change).sum(1), (move * product).sum(1)
    good = (curved > 1e-8 * expected) & (expected > 0)
    curved, expected = np.where(good, curved, 1.0), np.where(good, expected, 1.0)
    added = change[:, :, None] * change[:, None, :] / curved[:, None, None]
    removed = product[:, :, None] * product[:, None, :] / expected[:, None, None]
    return np.where(good[:, None, None], matrix + added - removed, matrix)
