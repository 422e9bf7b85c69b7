"""The occasionally dishonest casino: a fair die that is sometimes exchanged for a loaded one.

Source:
    R. Durbin, S. R. Eddy, A. Krogh and G. Mitchison (1998), Biological Sequence Analysis, page 57:
    rolls simulated by the authors, the loaded die showing a six half of the time.
"""

from typing import NamedTuple

import numpy as np

from jaxem.datasets import table


class Casino(NamedTuple):
    """Three hundred rolls, in order.

    Attributes:
        face: The number rolled less one, 0 to 5, (300,) int64.
    """

    face: np.ndarray


def casino() -> Casino:
    """The rolls of the dishonest casino."""
    return Casino(**table.columns("casino"))
