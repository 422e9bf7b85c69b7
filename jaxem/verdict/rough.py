"""Rough objectives: a unit in the last place of the parameters changes them by tenths of a nat.

Where huge terms cancel, as in a gamma density of shape 1e13, rounding dominates nearby, and slopes
mean nothing. A restart ends there if it has gone away from ordinary parameters as far as arithmetic
allows, or if the log joint is dominated by rounding everywhere.
"""

import numpy as np

from jaxem.likelihood.chart import free_names
from jaxem.model import Model
from jaxem.objective.landscape import Landscape
from jaxem.optimise.runs import Runs
from jaxem.verdict.rays import places_of

#: Random moves by a unit in the last place, and the change, in nats, that makes an objective rough.
_DRAWS, _NATS = 4, 0.1

#: Moves of a rough objective differ in size, but none changes it by less than this share of that.
_SMOOTH = 1e-3

#: Ordinary distances beyond which a coordinate is far from the reference.
_FAR = 9.0


def is_rough(
    landscape: Landscape, u: np.ndarray, objective: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Whether the objective of each restart is rough, (R,).

    In single precision that of sound narrow components is rough, and the answer is always no.

    Args:
        landscape: The objective function.
        u: Coordinates, (R, d).
        objective: The objective at ``u``, (R,), where parameters below a floor are at the floor.
        noise: Bound of the rounding of the objective as a sum over rows, (R,).
    """
    if not u.shape[1] or landscape.is_single:
        return np.zeros(len(u), bool)
    unit = np.where(np.isfinite(u), np.spacing(np.abs(np.nan_to_num(u, posinf=0, neginf=0))), 0.0)
    rng = np.random.default_rng(0)
    limit, change = np.maximum(_NATS, 100 * noise), np.zeros(len(u))
    with np.errstate(all="ignore"):
        for _ in range(_DRAWS):
            moved = landscape(u + unit * rng.choice([-1, 1], u.shape))[0]
            change = np.maximum(change, np.abs(moved - objective))
            if np.all(change < _SMOOTH * limit):
                break
        return np.isfinite(objective) & (change > limit)


def far_away(landscape: Landscape, model: Model, runs: Runs, r: int, u: np.ndarray) -> str:
    """The coordinates of a restart that are far from the reference, and on which side, in words."""
    place = places_of(landscape, u[r : r + 1])[0]
    names = free_names(model, {name: leaf[r] for name, leaf in runs.values.items()})
    which = np.flatnonzero(place.far > _FAR)
    return ", ".join(
        f"{names[k]} {'up' if u[r, k] > place.reference[k] else 'down'}" for k in which[:8]
    )
