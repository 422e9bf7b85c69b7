"""Boundaries of a support where a restart only seems to be stationary.

In logarithmic coordinates every gradient goes to zero as a positive number does, so a restart with
a tiny entry (a slope of 1e-8) seems stationary. The test is a jump: entries that are tiny relative
to ordinary values for the data are moved inward, and the objective may not rise.
"""

from typing import Any

import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.model import Model
from jaxem.model.prior import Parameter
from jaxem.objective.landscape import Landscape
from jaxem.objective.priors import log_priors
from jaxem.optimise.runs import Runs
from jaxem.status import Status
from jaxem.supports import PositiveNumbers

#: Entries below this share of the ordinary value are tiny, and are moved to these shares.
_TINY, _INWARD = 1e-3, (1e-2, 0.1, 1.0)

#: Probabilities below these are tiny; the second is for restarts that have stalled.
_VANISHING, _VANISHING_STALLED = 1e-8, 1e-2


def rises_inward(
    landscape: Landscape, plan: Plan, parameters: tuple[Parameter, ...], runs: Runs
) -> np.ndarray:
    """Increase of the objective when tiny positive entries are moved inward, (R,).

    Args:
        landscape: The objective function.
        plan: The plan, which has ordinary parameters.
        parameters: The free parameters.
        runs: The ends of the restarts.
    """
    best = np.zeros(len(runs.objective))
    for p in parameters:
        t, reference = runs.values[p.name], plan.reference[p.name]
        tiny = t < _TINY * reference
        if not isinstance(p.support, PositiveNumbers) or not tiny.any():
            continue
        for factor in _INWARD:
            moved = {**runs.values, p.name: np.where(tiny, factor * reference, t).astype(t.dtype)}
            with np.errstate(all="ignore"):
                rise = landscape(landscape.coordinates(moved))[0] - runs.objective
            best = np.fmax(best, rise)
    return best


def prior_is_infinite(model: Model, plan: Plan, runs: Runs) -> np.ndarray:
    """Whether the log prior rises without bound as a tiny probability goes to zero, (R,).

    With a Dirichlet or beta parameter below one it does, and where the data give no counts the
    posterior has no mode. A restart may stall long before a probability vanishes.
    """
    values: dict[str, Any] = dict(runs.values)
    nearer, tiny = dict(values), np.zeros(len(runs.objective), bool)
    limit = np.where(runs.status == Status.STALLED, _VANISHING_STALLED, _VANISHING)
    for p in model.free:
        if p.support.is_probability and p.described != "flat":
            t = runs.values[p.name]
            small = t < limit.reshape(-1, *[1] * (t.ndim - 1))
            nearer[p.name] = np.where(small, np.maximum(t, 1e-30) * 1e-2, t)
            tiny |= small.reshape(len(t), -1).any(1)
    if not tiny.any():
        return tiny
    tiny &= np.isfinite(runs.objective)
    return tiny & (log_priors(model, plan, nearer) > log_priors(model, plan, values) + 0.5)
