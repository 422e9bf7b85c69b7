"""Starts from responsibilities, random or given."""

from typing import Any

import numpy as np

from jaxem.initial.interior import inside
from jaxem.initial.setting import Setting
from jaxem.model.sequences import Sequences
from jaxem.numerics.rows import row_count
from jaxem.types import DeclarationError


def random_responsibilities(setting: Setting, generators: list[np.random.Generator]):
    """The M-step of responsibilities drawn from a flat Dirichlet."""
    setting = setting.some_rows()
    size = row_count(setting.data)
    responsibilities = [rng.dirichlet(np.ones(setting.states), size=size) for rng in generators]
    return inside(setting, setting.m_step(np.stack(responsibilities)))


def from_responsibilities(table: Any):
    """An initialiser whose start is the M-step of given responsibilities.

    Args:
        table: Responsibilities, shape (n, K), or integer labels, shape (n,). A label of -1 spreads
            its row evenly. For a chain, shape (n, T, S) or (n, T); entries past the end of a
            sequence are not read.

    Returns:
        An initialiser, for ``init=``.

    Raises:
        DeclarationError: When called with data to which the table does not fit.
    """

    def initialiser(setting: Setting, generators: list[np.random.Generator]):
        given = np.asarray(table)
        if setting.sequences is not None:
            given = _unrolled(given, setting.sequences)
        responsibilities = _as_responsibilities(given, row_count(setting.data), setting.states)
        return setting.m_step(np.stack([responsibilities] * len(generators)))

    return initialiser


def _unrolled(table: np.ndarray, sequences: Sequences) -> np.ndarray:
    """Entries of all steps, (N, ...), from the rectangle (n, T, ...)."""
    if table.shape[:2] != sequences.exists.shape:
        raise DeclarationError(
            f"responsibilities have shape {table.shape}; expected sequences by times, "
            f"{sequences.exists.shape}, and then states, or labels of that shape."
        )
    return table[sequences.exists]


def _as_responsibilities(table: np.ndarray, count: int, states: int) -> np.ndarray:
    if table.ndim == 1 and table.shape == (count,):
        labels = table.astype(int)
        if np.any(labels != table) or labels.min() < -1 or labels.max() >= states:
            raise DeclarationError(
                f"labels must be integers from 0 to {states - 1}, or -1 for unknown; "
                f"got values from {table.min()} to {table.max()}."
            )
        even = np.full(states, 1 / states)
        return np.where(labels[:, None] < 0, even, labels[:, None] == np.arange(states))
    if table.shape != (count, states):
        raise DeclarationError(
            f"responsibilities have shape {table.shape}; expected ({count}, {states}), rows by "
            f"states, or labels of shape ({count},)."
        )
    if np.any(table < 0) or not np.all(np.isfinite(table)):
        raise DeclarationError("responsibilities must be finite and not negative.")
    return table
