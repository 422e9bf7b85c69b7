r"""The order in which the parameters are solved, and whether one sweep is the exact M-step.

The maximiser of Q in A, its answer, depends on B exactly when :math:`H_{BA} v \ne 0` *at that
answer* (the implicit function theorem). At other values of A the Hessian may couple A and B without
dependence: a mean and a variance are coupled everywhere but at the mean's answer. If no answer
depends on one that is found later, one sweep in that order gives the joint maximiser.
"""

from collections.abc import Mapping

import numpy as np

from jaxem.algebra.probe import Probe
from jaxem.algebra.prove import Trial
from jaxem.model.prior import Parameter

_DEPENDS = 1e-6

#: Relative to a parameter's own curvature, the size below which its coupling with another is
#: rounding.
_COUPLED = 1e-13

#: strength[A][B] > 0 when the answer of A depends on B.
Strengths = dict[str, dict[str, float]]


def dependencies(
    probe: Probe,
    trials: list[Trial],
    answers: Mapping[str, tuple[np.ndarray, ...]],
    rng: np.random.Generator,
) -> tuple[Strengths, dict[str, set[str]]]:
    """Strengths of the dependence of each answer on each other parameter, and coupled parameters.

    Args:
        probe: Q and its derivatives on the planning rows.
        trials: Parameters and responsibilities at which Q is evaluated; the first two are used.
        answers: For parameters with a proved solver, the answer in each trial. For the others
            the coupling at the trial itself is taken, which errs towards dependence.
        rng: Random directions.

    Returns:
        Strengths between 0 (independent) and about 1, zero where below the threshold; and for
        each parameter the others with which Q is not additively separable.
    """
    strength: Strengths = {p.name: {} for p in probe.free}
    coupled: dict[str, set[str]] = {p.name: set() for p in probe.free}
    for index, trial in enumerate(trials[:2]):
        for p in probe.free:
            at_answer = answers[p.name][index] if p.name in answers else None
            found, others = _coupling(probe, trial, p, at_answer, rng)
            coupled[p.name] |= others
            for name, value in found.items():
                strength[p.name][name] = max(value, strength[p.name].get(name, 0.0))
    kept = {a: {b: s for b, s in row.items() if s > _DEPENDS} for a, row in strength.items()}
    return kept, coupled


def _coupling(
    probe: Probe, trial: Trial, p: Parameter, answer, rng
) -> tuple[dict[str, float], set[str]]:
    """Sizes of H_BA v at the answer, in units of the draws, relative to those at the trial.

    With them the parameters B for which H_BA v is more than rounding at either point.
    """
    v = _spread(p, trial) * rng.normal(size=p.shape)
    at_trial = trial.values
    at_answer = at_trial if answer is None else {**at_trial, p.name: answer}
    points = at_trial, at_answer
    tangents = [{p.name: _tangent(p, point[p.name], v)} for point in points]
    _, _, products = probe([*points], trial.responsibilities, tangents)
    out, others = {}, set()
    for b in probe.free:
        if b.name == p.name:
            continue
        start, end = (
            np.abs(_spread(b, trial) * _carry(b, point[b.name], product[b.name])).max(initial=0.0)
            for point, product in zip(points, products, strict=True)
        )
        own = max(
            np.abs(_spread(p, trial) * _carry(p, point[p.name], product[p.name])).max(initial=0.0)
            for point, product in zip(points, products, strict=True)
        )
        scale = max(start, 1e-6 * own)
        out[b.name] = end / scale if scale > 0 and np.isfinite(end) else float(end > 0)
        if not max(start, end) <= _COUPLED * own:
            others.add(b.name)
    return out, others


def _spread(p: Parameter, trial: Trial) -> np.ndarray | float:
    """Largest distance of the draws of a parameter, entry by entry, in real coordinates."""
    if not p.support.is_real:
        return 1.0
    others = np.stack([other[p.name] for other in trial.others])
    return np.abs(others - trial.values[p.name]).max(0) + 1e-12 * np.abs(trial.values[p.name])


def _tangent(p: Parameter, t: np.ndarray, v: np.ndarray) -> np.ndarray:
    return p.support.real_tangent(_inside(p, t), v) if p.support.has_chart else v


def _carry(p: Parameter, t: np.ndarray, g: np.ndarray) -> np.ndarray:
    return p.support.real_gradient(_inside(p, t), g) if p.support.has_chart else g


def _inside(p: Parameter, t: np.ndarray) -> np.ndarray:
    return np.asarray(p.interior(t))


def components(strength: Strengths, names: list[str]) -> list[list[str]]:
    """Groups of mutually dependent parameters, each after all that it depends on.

    Within a group the most independent comes first.
    """
    reach = {a: set(strength[a]) for a in names}
    for _ in names:
        for a in names:
            reach[a] |= set().union(*(reach[b] for b in reach[a]))
    groups, rest = [], list(names)
    while rest:
        first = next(
            a for a in rest if all(b not in rest or a in reach[b] for b in reach[a] if b != a)
        )
        group = [b for b in rest if b == first or (b in reach[first] and first in reach[b])]
        groups.append(sorted(group, key=lambda a: sum(strength[a].get(b, 0.0) for b in group)))
        rest = [b for b in rest if b not in group]
    return groups
