"""Latent states of tiny expected count, in sentences."""

from typing import Any

import numpy as np

from jaxem.model import Model

#: A state whose share of the total weight is below this is empty.
_EMPTY = 1e-6

#: A state of at most `_FEW` rows is reported, if an equal share is at least `_SHARE` times as many.
_FEW, _SHARE = 3.5, 5


def states_in_words(model: Model, counts: np.ndarray, total: float, rows: int) -> tuple[str, ...]:
    """Sentences on the states that hold no rows, or very few.

    Args:
        model: The declared model.
        counts: Expected counts of the configurations, (C,).
        total: Total weight of the rows.
        rows: Number of rows, or steps, of positive weight.
    """
    on_host: Any = counts  # NumPy compiles nothing
    held = np.asarray(model.latent.occupancy(on_host), float)
    empty = held < _EMPTY * total
    one = total / max(rows, 1)
    few = ~empty & (held <= _FEW * one) & (rows >= _FEW * _SHARE * len(held))
    notes = []
    if empty.any():
        many = empty.sum() > 1
        notes.append(
            f"{_named(empty)} empty: expected counts below {_EMPTY * total:.1e} of {total:g}; "
            f"parameters that belong to {'them' if many else 'it'} alone mean nothing"
        )
    if few.any():
        listed = ", ".join(f"{value / one:.3g}" for value in held[few][:5])
        notes.append(
            f"{_named(few)} made of very few rows: {listed} of {rows}. Such a state may be an "
            f"outlier or chance, and errors of its parameters cannot be trusted; look at these "
            f"rows, or take fewer states"
        )
    return tuple(notes)


def _named(flags: np.ndarray) -> str:
    index = np.flatnonzero(flags)
    which = ", ".join(map(str, index[:5])) + (", ..." if len(index) > 5 else "")
    return f"latent state {which} is" if len(index) == 1 else f"latent states {which} are"
