"""Starts from seed rows: rows far apart draw the others to them.

k-means++ (Arthur and Vassilvitskii 2007) picks each next seed with probability proportional to
the squared distance to the nearest one; every row then belongs mostly to its nearest seed, and the
start is the M-step of these memberships. What distance means takes turns over the restarts: between
rows whose far values are brought near, as most data ask for; between rows as they are, where a far
value is a state of its own; and of plain, not squared, distance, with codes taken as numbers.
"""

import dataclasses

import numpy as np

from jaxem.initial.columns import distance_columns
from jaxem.initial.interior import inside
from jaxem.initial.setting import Setting

_OWN = 0.9


@dataclasses.dataclass(frozen=True)
class _Manner:
    """How seeds are found: from which columns, and the power of the distance that is the chance."""

    clipped: bool
    coded: bool
    power: float


_APART = (_Manner(True, True, 2.0), _Manner(False, True, 2.0), _Manner(True, False, 1.0))
_AT_RANDOM = (_Manner(True, True, 0.0),)


def kmeans_plus_plus(setting: Setting, generators: list[np.random.Generator]):
    """Seeds that are far apart."""
    return _from_seeds(setting, generators, _APART)


def random_rows(setting: Setting, generators: list[np.random.Generator]):
    """Seeds at random."""
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
    """Mostly the nearest seed, and a little of everything, unevenly, so that no two are alike."""
    count, states = squares.shape
    rest = rng.dirichlet(np.ones(states), size=count)
    if not squares.any():
        return rest
    own = np.where(far, 1.0, _OWN)[:, None]
    return own * (squares.argmin(1)[:, None] == np.arange(states)) + (1 - own) * rest
