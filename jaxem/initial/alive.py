"""Starts in which every state has rows.

Parameters drawn without a look at the rows may leave a state without any: its responsibilities
are zero, its weight is zero after one step, and EM never brings it back. Such a start is moved half
of its way to the reference, where all states are alike, until every state has a tenth of what it
has there.
"""

import jax
import numpy as np

from jaxem.initial.setting import Setting
from jaxem.numerics.rows import row_count, take_rows

_ROWS = 512
_SHARE = 0.1
_HALVINGS = 6


def alive(setting: Setting, starts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Starts moved towards the reference as far as that gives every state some rows.

    Args:
        setting: What the initialiser works with.
        starts: Parameters by dotted name, stacked over restarts.
    """
    if setting.states == 1:
        return starts
    free, reference = setting.model.free, setting.reference()
    count = len(next(iter(starts.values())))
    occupied = _Occupied(setting)
    least = _SHARE * occupied(reference)
    out = {name: values.copy() for name, values in starts.items()}
    waiting = range(count)
    with np.errstate(all="ignore"), jax.enable_x64(True):
        centre = {p.name: np.asarray(p.to_real(reference[p.name]), float) for p in free}
        for _ in range(_HALVINGS):
            waiting = [r for r in waiting if np.any(occupied(_one(out, r)) < least)]
            if not waiting:
                break
            for p in free:
                u = np.asarray(p.to_real(out[p.name][waiting]), float)
                nearer = np.asarray(p.from_real((u + centre[p.name]) / 2))
                sane = np.isfinite(nearer).reshape(len(waiting), -1).all(1)
                which = np.asarray(waiting)[sane]
                out[p.name][which] = nearer[sane]
    return out


class _Occupied:
    """How many of some rows each state has, of chains as if steps were independent."""

    def __init__(self, setting: Setting):
        setting = setting.some_rows()
        some = np.unique(np.linspace(0, row_count(setting.data) - 1, _ROWS).astype(int))
        self._rows = take_rows(setting.data, some)
        self._weights = setting.weights[some]
        self._tables, self._latent = setting.plan.tables, setting.model.latent
        sequences = setting.sequences
        self._starts = None if sequences is None else sequences.starts[some]

    def __call__(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Expected rows of each state, (K,); zeros where a row is impossible."""
        table = self._tables(values, self._rows)
        if self._starts is not None:
            is_start = np.arange(table.shape[1]) < self._latent.size
            table = np.where(self._starts[:, None] == is_start, table, -np.inf)
        top = np.nan_to_num(table.max(1, keepdims=True), neginf=0.0)
        share = np.nan_to_num(np.exp(table - top))
        share /= np.maximum(share.sum(1, keepdims=True), 1.0)
        return np.asarray(self._latent.occupancy(self._weights @ share))


def _one(starts: dict[str, np.ndarray], restart: int) -> dict[str, np.ndarray]:
    return {name: values[restart] for name, values in starts.items()}
