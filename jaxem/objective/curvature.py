r"""Second derivatives of the objective, from differences of its gradient.

The gradient is exact to rounding, so a central difference over :math:`\epsilon^{1/3}` of an
ordinary distance leaves an error of :math:`\epsilon^{2/3}`; the distance is made smaller where it
is no small share of a coordinate's own width :math:`h_{kk}^{-1/2}`. In single precision it is such
a share everywhere, the width being taken from a first pass over a few units in the last place, and
differences go one way.
"""

from collections.abc import Callable

import numpy as np

_ULPS = 16
_SHARE = 5e-3
_NARROW = 1e-2

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
        gradient: There, (R, d).
        which: The k coordinates.
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
    # The gradient of a stiff coordinate is a difference of large numbers; that of the other, when
    # the stiff one moves, is not.
    trust = trust[:, :, None] / (trust[:, None, :] + trust[:, :, None])
    return matrix * trust + matrix.swapaxes(1, 2) * trust.swapaxes(1, 2)


def _in_single(landscape: Slopes, u, gradient, which) -> np.ndarray:
    single = np.finfo(np.float32).eps
    few = _ULPS * np.maximum(np.spacing(np.abs(u).astype(np.float32)).astype(float), single)
    here = u.astype(np.float32).astype(float)
    first = _columns(landscape, here, gradient, which, few)
    move, most = few.copy(), 1e-3 * (1 + np.abs(u))
    move[:, which] = np.clip(_SHARE * _width(first), few[:, which], most[:, which])
    return _columns(landscape, here, gradient, which, move)


def _width(matrix: np.ndarray) -> np.ndarray:
    """How far a coordinate alone moves until half a nat is lost, (R, k)."""
    return 1 / np.sqrt(np.maximum(np.abs(np.diagonal(matrix, axis1=1, axis2=2)), 1e-30))


def _columns(landscape: Slopes, u, gradient, which, move, some=None) -> np.ndarray:
    """A column a gradient where the one at u is given, else a column a central difference."""
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
