r"""What a Newton step promises: :math:`\tfrac12 g^\top H^{-1} g` nats, by the gradient alone.

In single precision gains below the rounding of the objective are not seen, and a slow run ends
where many of them are still to come. The gradient is a sum of differences and far more exact than
the objective, so it tells what the objective cannot. Second derivatives are differences of
gradients along the coordinates, over a small share of each coordinate's own width
:math:`h_{kk}^{-1/2}`, which a first pass over a few units in the last place gives. Eigenvalues of
the matrix scaled to a unit diagonal are floored, since differences do not tell small ones from
none: the promise is a lower bound. Part of it no step can take: that of parameters rounded to the
nearest number, at most :math:`\tfrac12 \sum_k h_{kk} (\text{ulp}_k / 2)^2`.
"""

from collections.abc import Callable

import numpy as np

from jaxem.numerics.spectrum import spectrum

#: Coordinates beyond which nothing is said, two gradients being needed for each.
LARGEST = 32

_ULPS = 16
_SHARE = 5e-3
_FLOOR = 1e-2


#: Objective (R,) and gradient (R, d) at flat coordinates (R, d).
Slopes = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def left_to_climb(
    landscape: Slopes, u: np.ndarray, gradient: np.ndarray, moving: np.ndarray
) -> np.ndarray:
    """Nats that are left for certain, (R,), less what rounding of the parameters costs.

    Args:
        landscape: Objective and gradient in single precision.
        u: Coordinates, (R, d).
        gradient: There, (R, d).
        moving: Which coordinates matter, (d,).
    """
    none = np.zeros(len(u))
    which = np.flatnonzero(moving)
    if not 0 < len(which) <= LARGEST:
        return none
    unit = np.spacing(np.abs(u).astype(np.float32)).astype(float)
    few = _ULPS * np.maximum(unit, np.finfo(np.float32).eps)
    first = _columns(landscape, u, gradient, which, few)
    width = 1 / np.sqrt(np.maximum(np.abs(np.diagonal(first, axis1=1, axis2=2)), 1e-30))
    move, most = few.copy(), 1e-3 * (1 + np.abs(u))
    move[:, which] = np.clip(_SHARE * width, few[:, which], most[:, which])
    curvature = _columns(landscape, u, gradient, which, move)
    curvature = (curvature + curvature.swapaxes(1, 2)) / 2
    out = none
    for lane in np.flatnonzero(np.isfinite(curvature).all((1, 2))):
        values, vectors, scale = spectrum(curvature[lane])
        along = vectors.T @ (gradient[lane, which] / scale)
        promise = 0.5 * np.sum(along**2 / np.maximum(values, _FLOOR))
        grid = 0.5 * np.sum((scale * unit[lane, which] / 2) ** 2)
        out[lane] = max(promise - 4 * grid, 0.0)
    return out


def _columns(landscape: Slopes, u, gradient, which, move) -> np.ndarray:
    """Negative second derivatives of some coordinates, (R, k, k), a column a gradient."""
    matrix = np.zeros((len(u), len(which), len(which)))
    here = u.astype(np.float32).astype(float)
    for k, coordinate in enumerate(which):
        there = u.copy()
        there[:, coordinate] += move[:, coordinate]
        moved = (there.astype(np.float32).astype(float) - here)[:, coordinate]
        change = gradient - landscape(there)[1]
        matrix[:, :, k] = change[:, which] / np.where(moved == 0, np.nan, moved)[:, None]
    return matrix
