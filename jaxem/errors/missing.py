r"""Missing information, and the rate of EM that follows from it.

.. math:: I_\text{observed} = I_\text{complete} - I_\text{missing}, \qquad
          D = 1 - I_\text{complete}^{-1} I_\text{observed}

D is the Jacobian of the EM map at its fixed point, and its largest eigenvalue the factor by which
errors shrink from step to step (Dempster, Laird and Rubin 1977; Meng and Rubin 1991). It does not
depend on the coordinates.
"""

import numpy as np

from jaxem.errors.identify import Identified
from jaxem.errors.surface import Curvature


def em_rate(curvature: Curvature, complete: Identified) -> float | None:
    """The largest eigenvalue of the rate matrix, over the directions in which Q curves downwards.

    Along the others, such as the transitions out of a state that is never left, EM does not move.

    Args:
        curvature: Derivatives in free coordinates.
        complete: What the complete information identifies.

    Returns:
        The rate, or None where Q curves downwards in no direction.
    """
    if not complete.root.shape[1]:
        return None
    within = complete.root.T @ curvature.observed @ complete.root
    return float(1 - np.linalg.eigvalsh((within + within.T) / 2).min())


def missing_fraction(slopes: np.ndarray, observed: np.ndarray, complete: np.ndarray) -> np.ndarray:
    """For each quantity, the share of its variance that the missing data make, (m,).

    Args:
        slopes: Jacobian of the quantities, (m, d).
        observed: Inverse of the observed information, (d, d).
        complete: Inverse of the complete information, (d, d).
    """
    with np.errstate(all="ignore"):
        return 1 - _quadratic(slopes, complete) / _quadratic(slopes, observed)


def _quadratic(slopes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.einsum("md,de,me->m", slopes, matrix, slopes)
