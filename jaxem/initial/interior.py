"""Starts moved off the edges of their supports.

The EM map never leaves a probability or a rate of zero, and a start from a sample of rows gives
zero to every level that is not in the sample. So starts are made interior: probabilities are at
least a thousandth of an equal share, and positive numbers that vanish relative to the reference are
a thousandth of it. Where zero is the maximiser, one EM step returns to it.
"""

import numpy as np

from jaxem.initial.setting import Setting
from jaxem.supports import PositiveNumbers, UnitInterval, UnitSimplex

_LEAST = 1e-3
_VANISHING = 1e-12


def inside(setting: Setting, starts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Starts with no free probability and no positive number at zero.

    Args:
        setting: Model, plan and data.
        starts: Parameters by dotted name, stacked over restarts.
    """
    reference = setting.reference()
    out = dict(starts)
    for p in setting.model.free:
        if type(p.support) in _MOVES:
            value = np.asarray(starts[p.name])
            out[p.name] = _MOVES[type(p.support)](value, reference[p.name]).astype(value.dtype)
    return out


def _simplex(value: np.ndarray, reference: np.ndarray) -> np.ndarray:
    least = _LEAST / value.shape[-1]
    raised = np.maximum(value, least)
    return np.where(
        (value < least).any(-1, keepdims=True), raised / raised.sum(-1, keepdims=True), value
    )


def _unit(value: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return np.clip(value, _LEAST, 1 - _LEAST)


def _positive(value: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return np.where(value > _VANISHING * reference, value, _LEAST * reference)


_MOVES = {UnitSimplex: _simplex, UnitInterval: _unit, PositiveNumbers: _positive}
