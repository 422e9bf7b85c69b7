"""Speed against accuracy: one person decides fast or carefully, as the pay-off changes.

Source:
    G. Dutilh, E.-J. Wagenmakers, I. Visser and H. L. J. van der Maas (2011), "A phase transition
    model for the speed-accuracy trade-off in response time experiments", Cognitive Science 35,
    211-250; as `speed` in the R package depmixS4, I. Visser and M. Speekenbrink (2010), Journal of
    Statistical Software 36(7).
"""

from typing import NamedTuple

import numpy as np

from jaxem.datasets import table


class Speed(NamedTuple):
    """439 trials of a lexical decision task, in three series of 168, 134 and 137.

    Attributes:
        series: The series that a trial belongs to, 1 to 3, (439,) int64.
        rt: Logarithm of the response time, the time in milliseconds, (439,) float64.
        correct: 1 if the answer was correct, else 0, (439,) int64.
        pay_off: Relative pay-off for accuracy, 0 to 1, (439,) float64.
    """

    series: np.ndarray
    rt: np.ndarray
    correct: np.ndarray
    pay_off: np.ndarray


def speed() -> Speed:
    """Response times that switch between a fast and a careful way to answer."""
    return Speed(**table.columns("speed"))
