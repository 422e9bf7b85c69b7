"""Deaths a day, as announced in The Times: a mixture that EM climbs very slowly.

Source:
    V. Hasselblad (1969), "Estimation of finite mixtures of distributions from the exponential
    family", Journal of the American Statistical Association 64, 1459-1471.
"""

from typing import NamedTuple

import numpy as np

from jaxem.datasets import table


class DeathNotices(NamedTuple):
    """Notices of the death of women aged 80 or more, on 1,096 days of 1910 to 1912.

    Attributes:
        value: Number of notices on one day, 0 to 9, (10,) int64.
        frequency: Number of days with as many notices, 1,096 in all, (10,) int64.
    """

    value: np.ndarray
    frequency: np.ndarray


def death_notices() -> DeathNotices:
    """Death notices as a frequency table: give `frequency` as the weights of the rows."""
    return DeathNotices(**table.columns("death_notices"))
