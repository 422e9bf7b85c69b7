r"""Missing information, and the rate of EM that follows from it.

.. math:: I_\text{observed} = I_\text{complete} - I_\text{missing}, \qquad
          D = 1 - I_\text{complete}^{-1} I_\text{observed}

D is the Jacobian of the EM map at its fixed point, and its largest eigenvalue the factor by which
errors shrink from step to step (Dempster, Laird and Rubin 1977; Meng and Rubin 1991). It does not
depend on the coordinates.
"""

import numpy as np
import scipy.linalg

from jaxem.errors.surface import Curvature


def em_rate(curvature: Curvature) -> float:
    """The largest eigenvalue of the rate matrix; NaN where Q does not curve downwards."""
    if not len(curvature.gradient):
        return 0.0
    try:
        values = scipy.linalg.eigh(curvature.observed, curvature.complete, eigvals_only=True)
    except (np.linalg.LinAlgError, ValueError):
        return float("nan")
    return float(1 - values.min())


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
