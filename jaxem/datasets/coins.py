"""Two coins of unknown bias; each set of ten tosses was made with one of them, nobody knows which.

Source:
    C. B. Do and S. Batzoglou (2008), "What is the expectation maximization algorithm?",
    Nature Biotechnology 26, 897-899, figure 1.
"""

from typing import NamedTuple

import numpy as np

from jaxem.datasets import table


class TwoCoins(NamedTuple):
    """Five sets of ten tosses.

    Attributes:
        heads: Number of heads in the set, (5,) int64.
        tosses: Number of tosses in the set, always 10, (5,) int64.
    """

    heads: np.ndarray
    tosses: np.ndarray


def two_coins() -> TwoCoins:
    """The two coins, small enough to follow EM by hand."""
    return TwoCoins(**table.columns("two_coins"))
