"""Starts from seed rows: memberships by the nearest seed, and their M-step.

k-means++ (Arthur and Vassilvitskii 2007) draws each next seed with probability proportional to the
squared distance to the nearest one; every row then belongs mostly to its nearest seed, and the
start is the M-step of these memberships. Three distances alternate over the restarts: squared, with
far values clipped, for most data; squared, without clipping, where far values are a state of their
own; and not squared, with codes as numbers.
"""

import dataclasses

import numpy as np

from jaxem.initial.columns import distance_columns
from jaxem.initial.interior import inside
from jaxem.initial.setting import Setting

_OWN = 0.9


@dataclasses.dataclass(frozen=True)
class _Manner:
    """How seeds are drawn: the columns, and the power of the distance in their probability."""

    clipped: bool
    coded: bool
    power: float


_APART = (_Manner(True, True, 2.0), _Manner(False, True, 2.0), _Manner(True, False, 1.0))
_AT_RANDOM = (_Manner(True, True, 0.0),)


def kmeans_plus_plus(setting: Setting, generators: list[np.random.Generator]):
    """Starts from seeds drawn by k-means++."""
    return _from_seeds(setting, generators, _APART)


def random_rows(setting: Setting, generators: list[np.random.Generator]):
    """Starts from seeds drawn uniformly."""
    return _from_seeds(setting, generators, _AT_RANDOM)


def _from_seeds(
    setting: Setting, generators: list[np.random.Generator], manners: tuple[_Manner, ...]
):
    setting = setting.some_rows()
    used = manners[: len(generators)]
    columns = [distance_columns(setting.data, m.clipped, m.coded) for m in used]
    responsibilities = []
    for i, rng in enumerate(generators):
        points, far = columns[i % len(used)]
        chosen = _seeds(points, setting.weights, setting.states, rng, used[i % len(used)].power)
        responsibilities.append(_memberships(_squares(points, points[chosen]), far, rng))
    return inside(setting, setting.m_step(np.stack(responsibilities)))


def _seeds(
    points: np.ndarray, weights: np.ndarray, states: int, rng: np.random.Generator, power: float
) -> list[int]:
    nearest, chosen = np.full(len(points), np.inf), []
    for _ in range(states):
        chance = weights.astype(float)
        if chosen and power and np.any(chance * nearest > 0):
            chance = chance * nearest ** (power / 2)
        chosen.append(rng.choice(len(points), p=chance / chance.sum()))
        nearest = np.minimum(nearest, _squares(points, points[chosen[-1:]])[:, 0])
    return chosen


def _squares(points: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Squared distances of rows to seeds, (n, K)."""
    return np.stack([((points - seed) ** 2).sum(1) for seed in seeds], axis=1)


def _memberships(squares: np.ndarray, far: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Responsibilities (n, K): 0.9 for the nearest seed, the rest random, so that states differ."""
    count, states = squares.shape
    rest = rng.dirichlet(np.ones(states), size=count)
    if not squares.any():
        return rest
    own = np.where(far, 1.0, _OWN)[:, None]
    return own * (squares.argmin(1)[:, None] == np.arange(states)) + (1 - own) * rest
