"""Major earthquakes a year: counts that come from calmer and from wilder years.

Source:
    W. Zucchini and I. L. MacDonald (2009), Hidden Markov Models for Time Series, table 1.1:
    earthquakes of magnitude 7 or more in the world.
"""

from typing import NamedTuple

import numpy as np

from jaxem.datasets import table


class Earthquakes(NamedTuple):
    """Earthquakes of 107 years.

    Attributes:
        year: 1900 to 2006, (107,) int64.
        count: Earthquakes of magnitude 7 or more in the year, (107,) int64.
    """

    year: np.ndarray
    count: np.ndarray


def earthquakes() -> Earthquakes:
    """Earthquakes a year, the usual first example of a Poisson hidden Markov model."""
    return Earthquakes(**table.columns("earthquakes"))
