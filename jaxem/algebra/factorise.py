r"""Check whether the log joint of a chain's step is transition plus emission.

:math:`f(a, b, x) = g(a, b) + v(b, x)` for all states exactly when the difference
:math:`f(a, b, x) - f(a, b, x')` does not depend on a. The log joint of every row is a combination
of those of the anchors (`anchors`), so a check at the anchors holds for all rows.
"""

import numpy as np

from jaxem.algebra.anchors import Anchors
from jaxem.algebra.probe import Values
from jaxem.algebra.tables import Tables

_EXACT = 1e-10


def splits(tables: Tables, draws: list[Values], found: Anchors, states: int) -> bool:
    """Whether the log joint of a step is transition plus emission, at all these parameters.

    Args:
        tables: The log joint at parameters and rows.
        draws: Random ordinary parameters.
        found: Anchors of the data.
        states: Hidden states of a step, S.
    """
    return all(_splits(tables(values, found.rows), states) for values in draws)


def _splits(table: np.ndarray, states: int) -> bool:
    pairs = table[:, states:].reshape(-1, states, states)
    moved = pairs - pairs[:1]
    coupled = np.abs(moved - moved[:, :1]).max()
    return bool(coupled <= _EXACT * (1 + np.abs(pairs).max()))
