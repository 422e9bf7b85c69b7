"""The mode in unconstrained coordinates, which Newton's method reaches from the one EM found."""

from typing import NamedTuple

import numpy as np

from jaxem.numerics.symmetric import spectrum
from jaxem.posterior.target import Target


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
    """Climb from flat coordinates (d,) to the mode of the density."""
    top = target.climb(start)
    u, hessian = np.asarray(top.u, float), np.asarray(top.hessian, float)
    precision, eps = -(hessian + hessian.T) / 2, float(np.finfo(target.dtype).eps)
    peak = np.all(np.isfinite(precision)) and spectrum(precision)[0].min() > 100 * len(u) * eps
    return Mode(u, float(top.value), precision, bool(top.reached), bool(peak))
