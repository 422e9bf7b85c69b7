"""Edges of a support that only look like an end.

In logarithmic coordinates every gradient fades as a positive number goes to zero, so a run that was
thrown there (a slope of 1e-8) seems stationary. The test is a jump: the entries that are tiny
beside what is ordinary for the data are moved inward, and the objective may not rise.
"""

import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.fitting.certify import Landscape
from jaxem.fitting.restarts import Runs
from jaxem.model.prior import Parameter

_TINY = 1e-3
_INWARD = (1e-2, 0.1, 1.0)


def rises_inward(
    landscape: Landscape, plan: Plan, parameters: tuple[Parameter, ...], runs: Runs
) -> np.ndarray:
    """How much the objective rises when tiny positive entries are moved inward, (R,).

    Args:
        landscape: The objective.
        plan: Which knows ordinary parameters.
        parameters: The free parameters.
        runs: How the restarts ended.
    """
    best = np.zeros(len(runs.objective))
    for p in parameters:
        t, home = runs.values[p.name], plan.home[p.name]
        tiny = t < _TINY * home
        if p.kind != "positive" or not tiny.any():
            continue
        for factor in _INWARD:
            moved = {**runs.values, p.name: np.where(tiny, factor * home, t).astype(t.dtype)}
            with np.errstate(all="ignore"):
                rise = landscape(landscape.coordinates(moved))[0] - runs.objective
            best = np.fmax(best, rise)
    return best
