"""Objectives that change by tenths of a nat when parameters change by a unit in the last place.

Where huge terms cancel, as in a gamma density of shape 1e13, nothing can be said of slopes: what
is left of the log joint is rounding. A restart ends there when it has run away from ordinary
parameters as far as arithmetic goes, or where the log joint was never more than rounding.
"""

import numpy as np

from jaxem.likelihood.chart import free_names
from jaxem.model import Model
from jaxem.objective.landscape import Landscape
from jaxem.optimise.runs import Runs
from jaxem.verdict.rays import places_of

_DRAWS = 4
_NATS = 0.1
_FAR = 9.0


def is_ragged(
    landscape: Landscape, u: np.ndarray, objective: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Whether a unit in the last place of the parameters moves the objective by a tenth, (R,).

    In single precision sane narrow components are so, and nothing is said.

    Args:
        landscape: The objective.
        u: Coordinates, (R, d).
        objective: There, (R,): parameters below the floor of the coordinates are at the floor.
        noise: A change of the objective that may be rounding of its sum, (R,).
    """
    if not u.shape[1] or landscape.is_single:
        return np.zeros(len(u), bool)
    unit = np.where(np.isfinite(u), np.spacing(np.abs(np.nan_to_num(u, posinf=0, neginf=0))), 0.0)
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        moved = [landscape(u + unit * rng.choice([-1, 1], u.shape))[0] for _ in range(_DRAWS)]
        apart = np.abs(np.stack(moved) - objective).max(0)
    return np.isfinite(objective) & (apart > np.maximum(_NATS, 100 * noise))


def far_away(landscape: Landscape, model: Model, runs: Runs, r: int, u: np.ndarray) -> str:
    """Which coordinates of a restart are far from ordinary, and on which side, in words."""
    place = places_of(landscape, u[r : r + 1])[0]
    names = free_names(model, {name: leaf[r] for name, leaf in runs.values.items()})
    which = np.flatnonzero(place.far > _FAR)
    return ", ".join(
        f"{names[k]} {'up' if u[r, k] > place.reference[k] else 'down'}" for k in which[:8]
    )
