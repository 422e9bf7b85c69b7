r"""The mode in unconstrained coordinates, and the Gaussian that has its curvature.

A few Newton steps lead from the mode that EM found to the mode of the density with the Jacobian.
With :math:`-H = S V \Lambda V^\top S`, S the roots of the diagonal, directions of wrong curvature
are climbed with :math:`|\Lambda|`, and each step is halved until the density rises.
"""

from typing import NamedTuple

import numpy as np

from jaxem.numerics.symmetric import covariance, spectrum
from jaxem.posterior.target import Target

_STEPS = 60
_HALVINGS = 40
_SUFFICIENT = 1e-4


class Mode(NamedTuple):
    """A mode of the density in unconstrained coordinates.

    Attributes:
        u: Flat coordinates, (d,).
        log_density: Log density there.
        precision: The negative Hessian there, (d, d), as it is.
        reached: Whether Newton's method converged.
        is_peak: Whether the density curves downwards in every direction, beyond rounding.
    """

    u: np.ndarray
    log_density: float
    precision: np.ndarray
    reached: bool
    is_peak: bool


def find_mode(target: Target, start: np.ndarray) -> Mode:
    """Climb from flat coordinates (d,) to the mode of the density.

    Once a step promises no more than rounding it is taken without asking whether the density
    rose, which could no longer be told; it squares the error.
    """
    eps = float(np.finfo(target.dtype).eps)
    u, reached = np.asarray(start, float), False
    (value, gradient), precision = target.slope(u), -target.hessian(u)
    for _ in range(_STEPS):
        step = covariance(precision, 100 * eps) @ gradient
        promised = float(gradient @ step)
        reached = promised <= 10 * eps * (1 + abs(value))
        share = 1.0 if reached else _rising_share(target, u, value, step, promised)
        if share == 0:
            break
        u = u + share * step
        (value, gradient), precision = target.slope(u), -target.hessian(u)
        if reached:
            break
    peak = np.all(np.isfinite(precision)) and spectrum(precision)[0].min() > 100 * len(u) * eps
    return Mode(u, value, precision, reached, bool(peak))


def _rising_share(target: Target, u, value: float, step: np.ndarray, promised: float) -> float:
    """The share of a Newton step that raises the density as it should (Armijo's rule), or 0."""
    if not np.isfinite(promised):
        return 0.0
    share = 1.0
    for _ in range(_HALVINGS):
        if target.slope(u + share * step)[0] >= value + _SUFFICIENT * share * promised:
            return share
        share /= 2
    return 0.0
