"""Eigenvalues that do not depend on the units of the coordinates."""

import numpy as np
from jaxtyping import Float


def spectrum(
    precision: Float[np.ndarray, "d d"], least: float = 0.0
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "d d"], Float[np.ndarray, " d"]]:
    """Eigenvalues and vectors of a symmetric matrix scaled to a unit diagonal, and the scale.

    Args:
        precision: Shape (d, d); a diagonal entry of zero is not scaled.
        least: Diagonal entries below this share of the largest are scaled as if they had it.

    Returns:
        Eigenvalues (d,), rising; eigenvectors in the scaled coordinates (d, d), one a column; and
        the scale (d,), by which both sides were divided.
    """
    diagonal = np.abs(np.diagonal(precision))
    diagonal = np.maximum(diagonal, least * diagonal.max(initial=0.0))
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(precision / np.outer(scale, scale))
    return values, vectors, scale
