r"""Newton steps, and the gain that they predict: :math:`\tfrac12 g^\top H^{-1} g` nats.

In single precision gains below the rounding of the objective are not seen, and a slow run ends
where many of them remain. The gradient is a sum of differences and far more exact than the
objective, so it tells what the objective cannot. Eigenvalues of the matrix scaled to a unit
diagonal are floored, since differences of gradients do not tell small ones from zero, and no step
is longer than a few ordinary distances: the predicted gain is a lower bound. Parameters are rounded
to the nearest number, so no step can realise a part of it, at most
:math:`\tfrac12 \sum_k h_{kk} (\text{ulp}_k / 2)^2`, which is subtracted.
"""

import numpy as np

from jaxem.numerics.symmetric import spectrum

#: Longest step, in ordinary distances.
_LONGEST = 3.0

#: Floors of the eigenvalues, in double and in single precision.
_FLOOR, _FLOOR_IN_SINGLE = 1e-6, 1e-2


def newton_steps(
    u: np.ndarray,
    gradient: np.ndarray,
    curvature: np.ndarray,
    which: np.ndarray,
    units: np.ndarray,
    single: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Newton steps (R, d), and the gains that they predict beyond rounding, (R,).

    Args:
        u: Coordinates, (R, d).
        gradient: Gradient of the objective at ``u``, (R, d).
        curvature: Negative second derivatives of k coordinates, (R, k, k).
        which: Indices of these coordinates, (k,).
        units: An ordinary distance along each coordinate, (R, d).
        single: Whether the gradient and the curvature are in single precision.
    """
    kind, floor = (np.float32, _FLOOR_IN_SINGLE) if single else (np.float64, _FLOOR)
    spacing = np.spacing(np.abs(u).astype(kind)).astype(float)
    step, predicted = np.zeros_like(u), np.zeros(len(u))
    for r in np.flatnonzero(np.isfinite(curvature).all((1, 2)) & np.isfinite(gradient).all(1)):
        values, directions, scale = spectrum(curvature[r])
        along = directions.T @ gradient[r, which]
        lengths = along / np.maximum(np.abs(values), floor)
        relative = np.abs(directions * lengths / units[r, which][:, None]).max(0, initial=0.0)
        lengths = lengths / np.maximum(relative / _LONGEST, 1.0)
        step[r, which] = directions @ lengths
        grid = 0.5 * np.sum((scale * spacing[r, which] / 2) ** 2)
        predicted[r] = max(0.5 * np.sum(along * lengths) - 4 * grid, 0.0)
    return step, predicted
