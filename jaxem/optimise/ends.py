"""Restarts that creep towards the boundary of a support, put there; or past it, on a circle.

In the unconstrained coordinates of an interval, an order or a correlation the boundary is at
infinity, and steps of EM reach it no sooner than by thousands. A coordinate that is far out and on
its way is tried at the very end, and at the other end of its support: where both ends of an
interval are the same point, as for an angle, the maximum may be there. The highest is taken if it
is no lower, and the algorithm goes on from it.
"""

import jax
import numpy as np

from jaxem.model import Model
from jaxem.objective.landscape import Landscape
from jaxem.optimise.state import State
from jaxem.status import Status

_OUT = 5.0
_END = 40.0
_OTHER_SIDE = (-20.0, -8.0, -5.0, -3.0)


def has_far_ends(model: Model) -> bool:
    """Whether a free parameter has a support without a chart of its own."""
    return any(not p.support.has_chart for p in model.free)


def to_edges(landscape: Landscape, states: State, restarts: np.ndarray, max_steps: int) -> list:
    """Put restarts at the ends of supports where that is no lower.

    Args:
        landscape: The objective.
        states: Of all restarts, NumPy leaves, which are changed.
        restarts: Those of the landscape.
        max_steps: Not used: nothing counts as a step.

    Returns:
        For each of them, no objectives.
    """
    here = {name: np.asarray(leaf)[restarts] for name, leaf in states.previous.items()}
    with np.errstate(all="ignore"):
        u = landscape.coordinates(here)
        value, gradient = landscape(u)
        outwards = (gradient * u > 0) & (np.abs(u) > _OUT) & landscape.other
        outwards &= (states.status[restarts] == Status.RUNNING)[:, None]
        at = u.copy()
        for k in np.flatnonzero(outwards.any(0)):
            tried = np.stack([at] * (1 + len(_OTHER_SIDE)))
            signs = np.sign(u[:, k])
            ends = (_END, *_OTHER_SIDE)
            for place, end in enumerate(ends):
                tried[place, :, k] = np.where(outwards[:, k], end * signs, at[:, k])
            found = landscape.at(tried.reshape(-1, u.shape[1]))[0].reshape(len(ends), -1)
            best = np.nan_to_num(found, nan=-np.inf).argmax(0)
            highest = np.take_along_axis(found, best[None], 0)[0]
            better = outwards[:, k] & (highest >= value)
            chosen = tried[best, np.arange(len(u)), k]
            at[:, k] = np.where(better, chosen, at[:, k])
            value = np.where(better, highest, value)
        moved = (at != u).any(1)
        there = landscape.values(at, here)
    for name, leaf in states.values.items():
        shape = (-1, *[1] * (leaf.ndim - 1))
        leaf[restarts] = np.where(moved.reshape(shape), there[name], leaf[restarts])
    for leaf in jax.tree.leaves(states.memory):
        leaf[restarts[moved]] = 0
    states.plain[restarts[moved]] = states.quiet[restarts[moved]] = 0
    states.extrapolated[restarts[moved]] = False
    return [[] for _ in restarts]
