r"""Wald intervals on an unbounded scale, transformed back.

On :math:`\log(\theta - a)` for what has a lower end, :math:`\log(b - \theta)` for an upper one, the
logit of :math:`(\theta - a)/(b - a)` for both; an interval of a probability then stays one.
"""

import numpy as np
from scipy.special import ndtri

from jaxem.types import DeclarationError


def wald(
    estimate: np.ndarray, se: np.ndarray, bounds: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits, (m,) each.

    Args:
        estimate: Estimates, (m,).
        se: Their standard errors, (m,).
        bounds: Ends of what they may be, (2, m), infinite where there are none.
        level: Coverage.
    """
    z = quantile(level)
    low, high = bounds
    with np.errstate(all="ignore"):
        below, above = estimate - low, high - estimate
        ratio = np.exp(z * se / below)
        one_sided = low + below / ratio, low + below * ratio
        ratio = np.exp(z * se / above)
        other_side = high - above * ratio, high - above / ratio
        odds = below / above
        ratio = np.exp(z * se * (high - low) / (below * above))
        width = high - low
        both = tuple(low + width * o / (1 + o) for o in (odds / ratio, odds * ratio))
    wald_ends = estimate - z * se, estimate + z * se
    cases = [np.isfinite(low) & np.isfinite(high), np.isfinite(low), np.isfinite(high)]
    return tuple(
        np.select(cases, [b, o, h], n)
        for b, o, h, n in zip(both, one_sided, other_side, wald_ends, strict=True)
    )


def quantile(level: float) -> float:
    """Deviations that a two-sided interval of this coverage takes on either side.

    Raises:
        DeclarationError: If the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise DeclarationError(f"level must lie between 0 and 1, such as 0.95; got {level!r}.")
    return float(ndtri((1 + level) / 2))
