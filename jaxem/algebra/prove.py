"""Proof on the data that a candidate solver of one parameter gives the maximiser of Q.

A candidate is accepted when, at several parameter draws and random responsibilities, and from
starts on both sides of the answer and of zero,

1. the gradient at the answer is at most 1e-9 of the largest gradient at the starts, apart from
   rounding of the answer;
2. the answers from all starts agree;
3. the count n is positive and Q rose.

True closed forms have ratios of 5e-15; the smallest ratio of a false one so far, of a Student-t
with a million degrees of freedom, is 3e-5. Blocks on which Q does not depend on the planning rows
are left out of the comparison; there must be one that is not left out.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxem.algebra.forms import Form, propose
from jaxem.algebra.probe import Probe, Values
from jaxem.model.prior import Parameter

GRADIENT = 1e-9
AGREEMENT = 1e-7
_EPS = np.finfo(float).eps


@dataclasses.dataclass(frozen=True)
class Trial:
    """Parameters and responsibilities at which candidates are checked, and draws to start from."""

    values: Values
    others: tuple[Values, ...]
    responsibilities: np.ndarray


@dataclasses.dataclass(frozen=True)
class Proof:
    """The result of checking one candidate in all trials.

    Attributes:
        accepted: Whether every trial passed.
        gradient: Largest gradient at an answer over the largest gradient at the starts.
        spread: Largest relative difference of the answers from different starts.
        answers: The answer in each trial.
    """

    accepted: bool
    gradient: float
    spread: float
    answers: tuple[np.ndarray, ...] = ()


_FAILED = Proof(False, np.inf, np.inf)

#: From (trial, start) to (answer, entries on which Q depends).
Solve = Callable[[Trial, np.ndarray], tuple[np.ndarray, np.ndarray]]


def prove(probe: Probe, p: Parameter, solve: Solve, trials: list[Trial]) -> Proof:
    """Check one candidate solver of one parameter in every trial."""
    worst_gradient, worst_spread, answers = 0.0, 0.0, []
    for trial in trials:
        try:
            with np.errstate(all="ignore"):
                gradient, spread, answer = _one_trial(probe, p, solve, trial)
        except np.linalg.LinAlgError:
            return _FAILED
        if not (gradient <= GRADIENT and spread <= AGREEMENT):
            return Proof(False, gradient, spread)
        worst_gradient, worst_spread = max(worst_gradient, gradient), max(worst_spread, spread)
        answers.append(answer)
    return Proof(True, worst_gradient, worst_spread, tuple(answers))


def by_form(probe: Probe, p: Parameter, form: Form) -> Solve:
    """The candidate solver of a closed form."""

    def solve(trial: Trial, start: np.ndarray):
        second = form.other(start)
        points = [{**trial.values, p.name: t} for t in (start, second)]
        _, (g, g2), _ = probe(points, trial.responsibilities)
        answer, _, inside = propose(form, start, g[p.name], second, g2[p.name])
        touched = np.broadcast_to(inside, answer.shape)
        kept = (answer == start) & ~touched
        return np.where(touched | kept, answer, np.nan), touched

    return solve


def _one_trial(probe: Probe, p: Parameter, solve: Solve, trial: Trial):
    """Gradient ratio, difference of the answers, and the answer; infinite if there is none."""
    start = trial.values[p.name]
    first, touched = solve(trial, start)
    touched = touched & np.isfinite(first)
    if not touched.any():
        return np.inf, np.inf, start
    answer = np.where(np.isfinite(first), first, start)
    starts = [start, *_more_starts(p, trial, answer)]
    others = [solve(trial, s)[0] for s in starts[1:]]
    if any(np.any(np.isfinite(o) != np.isfinite(first)) for o in others):
        return np.inf, np.inf, start
    far = max(np.abs(s - answer)[touched].max() for s in starts)
    gaps = [np.abs(o - answer) - 200 * _EPS * np.abs(answer) for o in others]
    spread = max((np.maximum(gap, 0.0)[touched].max() for gap in gaps), default=0.0)
    return _gradient_ratio(probe, p, trial, answer, starts, touched), spread / (far or 1.0), answer


def _gradient_ratio(probe: Probe, p: Parameter, trial: Trial, answer, starts, touched) -> float:
    """The gradient at the answer over the largest at the starts; infinite if Q did not rise."""
    points = [{**trial.values, p.name: t} for t in (answer, *starts)]
    tangents = [{p.name: answer}] * len(points)
    q, gradients, products = probe(points, trial.responsibilities, tangents)
    if not np.all(q[0] >= q[1:] - 1e-9 * np.abs(q[1:])):
        return np.inf
    carried = [
        np.abs(p.support.real_gradient(point[p.name], g[p.name]))[touched]
        for point, g in zip(points, gradients, strict=True)
    ]
    noise = np.abs(p.support.real_gradient(answer, products[0][p.name]))[touched]
    largest = max(c.max() for c in carried[1:])
    at_answer = np.maximum(carried[0] - 8 * _EPS * noise, 0.0).max()
    return at_answer / largest if largest > 0 else np.inf


def _more_starts(p: Parameter, trial: Trial, answer: np.ndarray) -> list[np.ndarray]:
    """More starts: other draws, and the start reflected at the answer and at zero."""
    starts = [other[p.name] for other in trial.others]
    start = trial.values[p.name]
    if p.event_dim == 0:
        reflected = 2 * p.to_real(answer) - p.to_real(start)
        if not p.support.is_real:
            reflected = np.clip(reflected, p.to_real(start) - 4, p.to_real(start) + 4)
        starts.append(p.from_real(reflected))
    if p.support.is_real:
        starts.append(-start)
    return starts
