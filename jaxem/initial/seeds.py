"""Starts from seed rows: rows far apart draw the others to them.

k-means++ (Arthur and Vassilvitskii 2007) picks each next seed with probability proportional to
the squared distance to the nearest one; every row then belongs mostly to its nearest seed, and the
start is the M-step of these memberships.
"""

import jax
import numpy as np

from jaxem.initial.setting import Setting
from jaxem.numerics.rows import row_count
from jaxem.types import Data

_OWN = 0.9
_FEW_LEVELS = 24


def kmeans_plus_plus(setting: Setting, generators: list[np.random.Generator]):
    """Seeds that are far apart."""
    return _from_seeds(setting, generators, spread=True)


def random_rows(setting: Setting, generators: list[np.random.Generator]):
    """Seeds at random."""
    return _from_seeds(setting, generators, spread=False)


def _from_seeds(setting: Setting, generators: list[np.random.Generator], spread: bool):
    setting = setting.some_rows()
    points = features(setting.data)
    shares = [
        _memberships(points, setting.weights, setting.states, rng, spread) for rng in generators
    ]
    return setting.from_shares(np.stack(shares))


def features(data: Data) -> np.ndarray:
    """Columns for distances: standardised numbers, and indicators of categories, (n, d)."""
    blocks = [np.zeros((row_count(data), 0))]
    for leaf in jax.tree.leaves(data):
        for column in np.asarray(leaf).reshape(row_count(data), -1).T:
            blocks.append(_column(column))
    return np.concatenate(blocks, axis=1)


def _column(column: np.ndarray) -> np.ndarray:
    if column.dtype.kind in "biu":
        levels = np.unique(column)
        if 2 < len(levels) <= _FEW_LEVELS:
            return (column[:, None] == levels).astype(float)
    column = column.astype(float)
    spread = column.std()
    if not spread > 0:
        return np.zeros((len(column), 0))
    return ((column - column.mean()) / spread)[:, None]


def _memberships(points, weights, states: int, rng: np.random.Generator, spread: bool):
    """Mostly the nearest seed, and a little of everything, unevenly, so that no two are alike."""
    nearest = np.full(len(points), np.inf)
    owner = np.zeros(len(points), int)
    for state in range(states):
        chance = weights.astype(float)
        if spread and state and np.any(nearest > 0):
            chance = chance * nearest
        seed = rng.choice(len(points), p=chance / chance.sum())
        distance = ((points - points[seed]) ** 2).sum(1)
        closer = distance < nearest
        owner[closer], nearest = state, np.minimum(distance, nearest)
    rest = rng.dirichlet(np.ones(states), size=len(points))
    own = _OWN if points.shape[1] else 0.0
    return own * (owner[:, None] == np.arange(states)) + (1 - own) * rest
