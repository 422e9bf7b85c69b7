"""Collapsed components, told apart from small ones.

The likelihood of a mixture with free scales is unbounded: a component on one point gains without
bound as its scale goes to zero. Such a fit is no answer, however high its objective. The test
follows the definition: of each parameter that may be a scale (a positive number, a covariance, a
Cholesky factor) the smallest block, relative to an ordinary value for the data, is made smaller by
a factor of a hundred. At a maximum the objective falls; where a component has collapsed it rises. A
rate that is rightly near zero does not collapse by this test.
"""

import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.model.prior import Parameter
from jaxem.objective.landscape import Landscape
from jaxem.optimise.runs import Runs
from jaxem.status import Status
from jaxem.supports import Matrices

#: Scales below this share of an ordinary one are tiny.
_TINY = 1e-4

#: Factor by which a scale is shrunk, and the rise of the objective, in nats, that tells a collapse.
_SHRINK, _GAIN = 1e-2, 0.5

#: Variances below this are zero to rounding.
_ZERO_VARIANCE = 1e-60

#: Statuses of restarts that were not stopped by a limit.
_OWN_ENDS = (Status.CONVERGED, Status.STALLED, Status.NON_FINITE, Status.DEGENERATE)


def collapsed(
    landscape: Landscape,
    plan: Plan,
    parameters: tuple[Parameter, ...],
    runs: Runs,
    gradient_norm: np.ndarray,
) -> np.ndarray:
    """Whether a component has collapsed, for each restart, (R,).

    Args:
        landscape: The objective function.
        plan: The plan, which has ordinary parameters.
        parameters: The free parameters.
        runs: The ends of the restarts. Where a limit stopped one, scales may still be shrinking
            towards a maximum, and only tiny ones are tested; one whose gradient, or whose next
            objective, is not finite has collapsed if a scale is tiny at its end or candidate.
        gradient_norm: Gradient norms of the restarts, (R,).
    """
    found = np.zeros(len(runs.objective), bool)
    ended = np.isin(runs.status, _OWN_ENDS)
    broken = (runs.status == Status.NON_FINITE) | ~np.isfinite(gradient_norm)
    for p in parameters:
        if not p.support.is_scale:
            continue
        with np.errstate(all="ignore"):
            found |= _vanished(p, runs.values[p.name])
            for change in (_shrink,) if isinstance(p.support, Matrices) else (_shrink, _grow):
                changed, tiny = change(p, runs.values[p.name], plan.reference[p.name])
                _, next_tiny = change(p, runs.candidates[p.name], plan.reference[p.name])
                if not np.any(ended | tiny | (broken & next_tiny)):
                    continue
                after, _ = landscape(landscape.coordinates({**runs.values, p.name: changed}))
                rises = (after > runs.objective + _GAIN) | (after == np.inf)
                found |= (ended & rises) | (tiny & rises) | (broken & (tiny | next_tiny))
    return found


def _vanished(p: Parameter, t: np.ndarray) -> np.ndarray:
    """Whether a matrix of each restart has a variance that is zero to rounding, (R,)."""
    if not isinstance(p.support, Matrices):
        return np.zeros(len(t), bool)
    spread = np.abs(np.diagonal(t, axis1=-2, axis2=-1)).reshape(len(t), -1)
    return spread.min(1) < _ZERO_VARIANCE**p.support.degree


def _shrink(p: Parameter, t: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The leaf with its smallest block made smaller, and whether that was tiny, (R,)."""
    if isinstance(p.support, Matrices):
        return _shrink_matrices(p.support, t, reference)
    ratio = (t / np.median(reference)).reshape(len(t), -1)
    factor = np.where(_is_smallest(ratio), _SHRINK, 1.0).reshape(t.shape)
    return (t * factor).astype(t.dtype), ratio.min(1) < _TINY


def _grow(p: Parameter, t: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The leaf with its largest entry made larger, and whether it was huge, (R,)."""
    ratio = (np.median(reference) / t).reshape(len(t), -1)
    factor = np.where(_is_smallest(ratio), _SHRINK**-2, 1.0).reshape(t.shape)
    return (t * factor).astype(t.dtype), ratio.min(1) < _TINY**2


def _shrink_matrices(support: Matrices, t: np.ndarray, reference: np.ndarray):
    """The leaf with the smallest eigenvalue of its matrices made smaller, in ordinary units."""
    square, ordinary = support.square(t), support.square(reference)
    units = np.broadcast_to(
        np.sqrt(np.diagonal(ordinary, axis1=-2, axis2=-1)), (*t.shape[:-2], t.shape[-1])
    )
    scaled = np.nan_to_num(square / (units[..., :, None] * units[..., None, :]))
    widths, vectors = np.linalg.eigh(scaled)
    widths = np.maximum(widths, 1e-30)
    smallest = _is_smallest(widths[..., 0].reshape(len(t), -1)).reshape(widths.shape[:-1])
    smaller = widths.copy()
    smaller[..., 0] *= np.where(smallest, _SHRINK**2, 1.0)
    half = np.sqrt(smaller)[..., :, None] * vectors.swapaxes(-1, -2) * units[..., None, :]
    out = np.where(smallest[..., None, None], support.of_root(half), t).astype(t.dtype)
    return out, widths[..., 0].reshape(len(t), -1).min(1) < _TINY**2


def _is_smallest(ratio: np.ndarray) -> np.ndarray:
    """Flags of the first smallest entry of each row."""
    return np.arange(ratio.shape[1]) == np.nan_to_num(ratio, nan=np.inf).argmin(1)[:, None]
