"""Fixed probabilities of latent states that do not sum to one."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxem.model.model import Model
from jaxem.types import DeclarationError

_SUM = 1e-5
_SAME = 1e-6


def check_known_weights(
    model: Model, values: Mapping[str, Any], table: Callable[[Mapping[str, Any]], np.ndarray]
) -> None:
    r"""Check that fixed numbers which are probabilities of states sum to one.

    To detect them, each entry :math:`w_j` is multiplied by its own factor :math:`c_j`: where the
    log joint of a state changes by :math:`\log c_j`, the same for every row, :math:`\log w_j` is a
    term of it.

    Args:
        model: The declared model.
        values: Ordinary parameters by dotted name.
        table: The log joint of a few rows at parameters, (n, configurations).

    Raises:
        DeclarationError: If the sum is not one.
    """
    rng = np.random.default_rng(0)
    for name, fixed in model.fixed.items():
        if not _may_be_weights(fixed):
            continue
        factors = rng.uniform(0.5, 2.0, fixed.shape)
        with np.errstate(all="ignore"):
            change = table({**values, name: fixed * factors}) - table({**values, name: fixed})
        first = change[0]
        if not np.all(np.isclose(change, first, rtol=0, atol=_SAME, equal_nan=True)):
            continue
        moved = first[np.isfinite(first) & (np.abs(first) > _SAME)]
        off = np.abs(moved[:, None] - np.log(factors).ravel())
        if not np.all(off.min(1) < _SAME):
            continue
        if set(off.argmin(1)) >= set(np.flatnonzero(fixed.ravel() > 0)):
            sums = fixed.sum(-1).ravel()
            raise DeclarationError(
                f"the prior fixes {name!r} at {fixed.tolist()}, whose logarithms log_joint adds as "
                f"the log probabilities of latent states, but they sum to "
                f"{', '.join(f'{s:.6g}' for s in sums[:4])}, not to 1. Divide them by their sum. "
                f"Known factors that are no probabilities belong in log_joint as constants."
            )


def _may_be_weights(fixed: np.ndarray) -> bool:
    """Whether fractions at least 0 do not sum to one along any axis; integers are left out."""
    if fixed.ndim == 0 or not np.all(np.isfinite(fixed) & (fixed >= 0)):
        return False
    if np.all(fixed == np.round(fixed)):
        return False
    return all(np.abs(fixed.sum(axis) - 1).max() > _SUM for axis in range(fixed.ndim))
