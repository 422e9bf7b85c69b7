r"""Profile likelihood intervals.

The upper end of the interval of a quantity g is the largest g(u) where

.. math:: \ell(u) \ge \hat\ell - \tfrac12 \chi^2_{1, \text{level}},

over all parameters. Newton's method solves the conditions of Lagrange for u and the multiplier
together, from the end that a quadratic likelihood would have; steps are halved until the conditions
are closer to being met (Venzon and Moolgavkar 1988 for coordinates; here for any quantity).
"""

from typing import NamedTuple

import numpy as np

from jaxem.errors.surface import Surface

_STEPS = 40
_HALVINGS = 12
_MET = 1e-6


class End(NamedTuple):
    """One end of an interval.

    Attributes:
        value: The quantity there; NaN where none was found.
        u: Coordinates there, (d,).
    """

    value: float
    u: np.ndarray


def profile_end(
    surface: Surface, which: int, slope: np.ndarray, covariance: np.ndarray, z: float
) -> End:
    """The end of an interval.

    Args:
        surface: The log posterior.
        which: Index of the quantity.
        slope: Its gradient at the mode, (d,).
        covariance: Inverse information, (d, d), of full rank.
        z: Standard deviations that a quadratic likelihood would allow; negative for the lower end.
    """
    root = np.linalg.cholesky(covariance)
    start = np.asarray(surface.chart.point, float)
    whitened = root.T @ slope
    se = float(np.linalg.norm(whitened))
    peak = surface.local(start, which)[0]

    def conditions(w: np.ndarray, multiplier: float):
        """Residuals in whitened coordinates, their Jacobian, and the quantity."""
        found = surface.local(start + root @ w, which)
        value, gradient, hessian, quantity, direction, bend = found
        gradient, direction = root.T @ gradient, root.T @ direction / se
        lagrangian = multiplier * root.T @ hessian @ root + root.T @ bend @ root / se
        short = value - (peak - z * z / 2)
        residual = np.append(direction + multiplier * gradient, short / abs(z))
        corner = np.block([[lagrangian, gradient[:, None]], [gradient[None] / abs(z), np.zeros(1)]])
        return residual, corner, float(quantity)

    w, multiplier = z * whitened / se, 1 / z
    residual, jacobian, value = conditions(w, multiplier)
    for _ in range(_STEPS):
        size = np.linalg.norm(residual)
        if size <= _MET:
            return End(value, start + root @ w)
        step = np.linalg.lstsq(jacobian, -residual, rcond=None)[0]
        for k in range(_HALVINGS):
            share = 0.5**k
            moved = w + share * step[:-1], multiplier + share * step[-1]
            tried = conditions(*moved)
            if np.all(np.isfinite(tried[0])) and np.linalg.norm(tried[0]) < size:
                break
        else:
            break
        (w, multiplier), (residual, jacobian, value) = moved, tried
    return End(float("nan"), start)
