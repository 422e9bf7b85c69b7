r"""Second derivatives of the objective, by differences of its gradient.

The gradient is exact to rounding, so a central difference over :math:`\epsilon^{1/3}` of an
ordinary distance leaves an error of :math:`\epsilon^{2/3}`. Where that distance is no small share
of a coordinate's own width :math:`h_{kk}^{-1/2}`, it is made a small share. In single precision it
is a share of the width everywhere, with the width from a first pass over a few units in the last
place, and differences are one-sided.
"""

from collections.abc import Callable

import numpy as np

#: Units in the last place of the first pass in single precision.
_ULPS = 16

#: Shares of a width that differences go over, in single precision and, at most, in double.
_SHARE, _NARROW = 5e-3, 1e-2

#: Objective (R,) and gradient (R, d) at flat coordinates (R, d).
Slopes = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def curvature(
    landscape: Slopes,
    u: np.ndarray,
    gradient: np.ndarray,
    which: np.ndarray,
    unit: np.ndarray,
    single: bool,
) -> np.ndarray:
    """Negative second derivatives of some coordinates, (R, k, k); not finite where unknown.

    Args:
        landscape: Objective and gradient.
        u: Coordinates, (R, d).
        gradient: Gradient at ``u``, (R, d).
        which: Indices of the k coordinates.
        unit: An ordinary distance along each coordinate, (R, d).
        single: Whether the landscape is in single precision.
    """
    if single:
        matrix = _in_single(landscape, u, gradient, which)
        return (matrix + matrix.swapaxes(1, 2)) / 2
    move = np.finfo(float).eps ** (1 / 3) * unit
    matrix = _columns(landscape, u, None, which, move)
    finer = np.minimum(move[:, which], _NARROW * _width(matrix))
    stiff = (finer < move[:, which]).any(0)
    if stiff.any():
        move[:, which] = finer
        matrix[:, :, stiff] = _columns(landscape, u, None, which, move, stiff)[:, :, stiff]
    trust = (move[:, which] / unit[:, which]) ** 2
    # Of the two estimates of a mixed derivative the one over the shorter distance is trusted more:
    # the gradient of a stiff coordinate is a difference of large numbers.
    trust = trust[:, :, None] / (trust[:, None, :] + trust[:, :, None])
    return matrix * trust + matrix.swapaxes(1, 2) * trust.swapaxes(1, 2)


def _in_single(landscape: Slopes, u, gradient, which) -> np.ndarray:
    single = np.finfo(np.float32).eps
    shortest = _ULPS * np.maximum(np.spacing(np.abs(u).astype(np.float32)).astype(float), single)
    rounded = u.astype(np.float32).astype(float)
    first = _columns(landscape, rounded, gradient, which, shortest)
    move, longest = shortest.copy(), 1e-3 * (1 + np.abs(u))
    move[:, which] = np.clip(_SHARE * _width(first), shortest[:, which], longest[:, which])
    return _columns(landscape, rounded, gradient, which, move)


def _width(matrix: np.ndarray) -> np.ndarray:
    """Distance over which each coordinate alone loses half a nat, (R, k)."""
    return 1 / np.sqrt(np.maximum(np.abs(np.diagonal(matrix, axis1=1, axis2=2)), 1e-30))


def _columns(landscape: Slopes, u, gradient, which, move, some=None) -> np.ndarray:
    """Columns (R, k, k): one-sided differences if the gradient at u is given, else central ones."""
    matrix = np.zeros((len(u), len(which), len(which)))
    kind = np.float64 if gradient is None else np.float32
    for k, coordinate in enumerate(which):
        if some is not None and not some[k]:
            continue
        ahead, behind = u.copy(), u.copy()
        ahead[:, coordinate] += move[:, coordinate]
        if gradient is None:
            behind[:, coordinate] -= move[:, coordinate]
        moved = (ahead.astype(kind).astype(float) - behind.astype(kind))[:, coordinate]
        before = landscape(behind)[1] if gradient is None else gradient
        change = before - landscape(ahead)[1]
        matrix[:, :, k] = change[:, which] / np.where(moved == 0, np.nan, moved)[:, None]
    return matrix
