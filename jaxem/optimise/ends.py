"""Jumps to the boundary of a support, for restarts that creep towards it.

In the unconstrained coordinates of an interval, an order or a correlation the boundary is at
infinity, and EM takes thousands of steps towards it. So a coordinate that is far out and whose
gradient points outwards is tried on the boundary, and near the opposite end of its support: where
both ends of an interval are the same point, as for an angle, the maximum may be there. The restart
jumps to the highest of these points if the objective is no lower, and the algorithm goes on.
"""

import jax
import numpy as np

from jaxem.model import Model
from jaxem.objective.landscape import Landscape
from jaxem.optimise.state import State
from jaxem.status import Status

#: Coordinates this large are tried on the boundary.
_FAR = 5.0

#: A coordinate that stands for the boundary, and those tried near the opposite end.
_BOUNDARY = 40.0
_OPPOSITE = (-20.0, -8.0, -5.0, -3.0)


def has_far_ends(model: Model) -> bool:
    """Whether a free parameter has a support without a chart of its own."""
    return any(not p.support.has_chart for p in model.free)


def to_edges(landscape: Landscape, states: State, restarts: np.ndarray, max_steps: int) -> list:
    """Put restarts on the boundary of a support where the objective is no lower there.

    Args:
        landscape: The objective function.
        states: States of all restarts, NumPy leaves, which are changed.
        restarts: Indices of the restarts of the landscape, (R,).
        max_steps: Not used: a jump counts as no step.

    Returns:
        An empty trace for each of these restarts.
    """
    accepted = {name: np.asarray(leaf)[restarts] for name, leaf in states.accepted.items()}
    with np.errstate(all="ignore"):
        u = landscape.coordinates(accepted)
        value, gradient = landscape(u)
        outwards = (gradient * u > 0) & (np.abs(u) > _FAR) & landscape.other
        outwards &= (states.status[restarts] == Status.RUNNING)[:, None]
        moved_u = u.copy()
        ends = (_BOUNDARY, *_OPPOSITE)
        for k in np.flatnonzero(outwards.any(0)):
            tried = np.stack([moved_u] * len(ends))
            signs = np.sign(u[:, k])
            for number, end in enumerate(ends):
                tried[number, :, k] = np.where(outwards[:, k], end * signs, moved_u[:, k])
            found = landscape.at(tried.reshape(-1, u.shape[1]))[0].reshape(len(ends), -1)
            best = np.nan_to_num(found, nan=-np.inf).argmax(0)
            highest = np.take_along_axis(found, best[None], 0)[0]
            better = outwards[:, k] & (highest >= value)
            chosen = tried[best, np.arange(len(u)), k]
            moved_u[:, k] = np.where(better, chosen, moved_u[:, k])
            value = np.where(better, highest, value)
        moved = (moved_u != u).any(1)
        target = landscape.values(moved_u, accepted)
    for name, leaf in states.candidate.items():
        shape = (-1, *[1] * (leaf.ndim - 1))
        leaf[restarts] = np.where(moved.reshape(shape), target[name], leaf[restarts])
    for leaf in jax.tree.leaves(states.memory):
        leaf[restarts[moved]] = 0
    states.em_steps[restarts[moved]] = states.steps_within_rounding[restarts[moved]] = 0
    states.extrapolated[restarts[moved]] = False
    return [[] for _ in restarts]
