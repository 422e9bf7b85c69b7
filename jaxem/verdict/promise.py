r"""What a Newton step promises: :math:`\tfrac12 g^\top H^{-1} g` nats.

In single precision gains below the rounding of the objective are not seen, and a slow run ends
where many of them are still to come. The gradient is a sum of differences and far more exact than
the objective, so it tells what the objective cannot. Eigenvalues of the matrix scaled to a unit
diagonal are floored, since differences of gradients do not tell small ones from none, and no
direction is followed for more than a few ordinary distances: the promise is a lower bound. Part of
it no step can take: that of parameters rounded to the nearest number, at most
:math:`\tfrac12 \sum_k h_{kk} (\text{ulp}_k / 2)^2`.
"""

import numpy as np

from jaxem.numerics.symmetric import spectrum

_LONGEST = 3.0
_FLOOR = 1e-6
_FLOOR_IN_SINGLE = 1e-2


def newton_steps(
    u: np.ndarray,
    gradient: np.ndarray,
    bent: np.ndarray,
    which: np.ndarray,
    units: np.ndarray,
    single: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Newton's steps (R, d), and what they promise less what rounding explains, (R,).

    Args:
        u: Coordinates, (R, d).
        gradient: There, (R, d).
        bent: Negative second derivatives of some coordinates, (R, k, k).
        which: Those coordinates.
        units: An ordinary distance along each coordinate, (R, d).
        single: Whether both are in single precision.
    """
    kind, floor = (np.float32, _FLOOR_IN_SINGLE) if single else (np.float64, _FLOOR)
    spacing = np.spacing(np.abs(u).astype(kind)).astype(float)
    step, promised = np.zeros_like(u), np.zeros(len(u))
    for r in np.flatnonzero(np.isfinite(bent).all((1, 2)) & np.isfinite(gradient).all(1)):
        values, rays, scale = spectrum(bent[r])
        along = rays.T @ gradient[r, which]
        lengths = along / np.maximum(np.abs(values), floor)
        relative = np.abs(rays * lengths / units[r, which][:, None]).max(0, initial=0.0)
        lengths = lengths / np.maximum(relative / _LONGEST, 1.0)
        step[r, which] = rays @ lengths
        grid = 0.5 * np.sum((scale * spacing[r, which] / 2) ** 2)
        promised[r] = max(0.5 * np.sum(along * lengths) - 4 * grid, 0.0)
    return step, promised
