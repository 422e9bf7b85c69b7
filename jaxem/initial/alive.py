"""Starts at which every state has rows.

At random parameters a state may have no rows: its responsibilities are zero, its weight is zero
after one step, and stays zero. Such a start is moved repeatedly half way to the reference
parameters, until the expected count of every state is a tenth of that at the reference.
"""

import jax
import numpy as np

from jaxem.initial.setting import Setting
from jaxem.numerics.rows import row_count, take_rows

_ROWS = 512
_SHARE = 0.1
_HALVINGS = 6


def alive(setting: Setting, starts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Starts moved towards the reference until every state has some rows.

    Args:
        setting: Model, plan and data.
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
                finite = np.isfinite(nearer).reshape(len(waiting), -1).all(1)
                which = np.asarray(waiting)[finite]
                out[p.name][which] = nearer[finite]
    return out


class _Occupied:
    """Expected counts of the states over some rows; the steps of chains as independent."""

    def __init__(self, setting: Setting):
        setting = setting.some_rows()
        some = np.unique(np.linspace(0, row_count(setting.data) - 1, _ROWS).astype(int))
        self._rows = take_rows(setting.data, some)
        self._weights = setting.weights[some]
        self._tables, self._latent = setting.plan.tables, setting.model.latent
        sequences = setting.sequences
        self._starts = None if sequences is None else sequences.starts[some]

    def __call__(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Expected counts of the states, (K,); an impossible row counts zero."""
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
