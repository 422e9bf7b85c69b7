"""Acidity of lakes in Wisconsin: two kinds of lake in one index.

Source:
    S. L. Crawford (1994), "An application of the Laplace method to finite mixture distributions",
    Journal of the American Statistical Association 89, 259-267.
"""

from typing import NamedTuple

import numpy as np

from jaxem.datasets import table


class Acidity(NamedTuple):
    """155 lakes of north-central Wisconsin.

    Attributes:
        acidity: log(acid neutralising capacity + 50), the capacity in microequivalents a litre;
            (155,) float64.
    """

    acidity: np.ndarray


def acidity() -> Acidity:
    """The acidity index, a mixture of univariate Gaussians."""
    return Acidity(**table.columns("acidity"))
