"""Old Faithful: how long the geyser erupts, and how long one waits for the next eruption.

Source:
    A. Azzalini and A. W. Bowman (1990), "A look at some data on the Old Faithful geyser",
    Applied Statistics 39, 357-365; the version known as `faithful` in R.
"""

from typing import NamedTuple

import numpy as np

from jaxem.datasets import table


class OldFaithful(NamedTuple):
    """272 eruptions of the Old Faithful geyser, Yellowstone.

    Attributes:
        eruptions: Duration of the eruption in minutes, (272,) float64.
        waiting: Time to the next eruption in minutes, (272,) int64.
    """

    eruptions: np.ndarray
    waiting: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """Both columns side by side, (272, 2) float64."""
        return np.column_stack(self)


def old_faithful() -> OldFaithful:
    """Old Faithful, the usual first data set for a mixture of Gaussians."""
    return OldFaithful(**table.columns("old_faithful"))
