"""Check whether the states are exchangeable: the model is invariant to a permutation of them.

Ordinary parameters are permuted along the axes of the states, and the log joint of every planning
row must be permuted likewise, with the prior unchanged and the parameters in their supports. Nodes
of a quadrature, ordered means, known labels, and priors that differ from state to state fail it.
"""

import jax
import numpy as np

from jaxem.algebra.draws import mix
from jaxem.algebra.rows import planning_rows
from jaxem.initial.setting import Setting
from jaxem.model.prior import Parameter

_CLOSE = 1e-8


def exchangeable(setting: Setting) -> bool:
    """Whether the model is invariant to permuting free parameters along axes of the states."""
    model, states = setting.model, setting.states
    if isinstance(model.latent.states(), dict):
        return True  # the parts of a product have axes of their own; not checked
    with jax.enable_x64(True):
        draw = {**model.fixed, **mix(model.free, setting.plan.ascents, np.random.default_rng(0))}
        return any(_same(setting, draw, axes, states) for axes in _LAYOUTS)


def _every(p: Parameter, states: int) -> tuple[int, ...]:
    return tuple(axis for axis, size in enumerate(p.shape) if size == states)


def _first(p: Parameter, states: int) -> tuple[int, ...]:
    return _every(p, states)[:1]


def _last(p: Parameter, states: int) -> tuple[int, ...]:
    return _every(p, states)[-1:]


_LAYOUTS = (_first, _every, _last)


def _same(setting: Setting, draw, axes_of, states: int) -> bool:
    model, tables = setting.model, setting.plan.tables
    turn = np.roll(np.arange(states), 1)
    moved = dict(draw)
    for p in model.free:
        for axis in axes_of(p, states):
            moved[p.name] = np.take(moved[p.name], turn, axis=axis)
        if not np.all(p.constraint(moved[p.name])):
            return False
    rows = planning_rows(setting.data, setting.weights)
    before, after = tables(draw, rows), tables(moved, rows)
    configurations = _configurations(turn, before.shape[1], states)
    priors = [tables.prior(values) for values in (draw, moved)]
    return _agree(before[:, configurations], after) and _agree(*map(np.asarray, priors))


def _configurations(turn: np.ndarray, configurations: int, states: int) -> np.ndarray:
    """The permutation of configurations: of states, and for a chain of pairs after them."""
    pairs = (states + states * turn[:, None] + turn).ravel()
    return np.concatenate([turn, pairs])[:configurations]


def _agree(a: np.ndarray, b: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        gap = np.abs(a - b) / (1 + np.abs(a))
    return bool(np.all((a == b) | (gap < _CLOSE) | (np.isnan(a) & np.isnan(b))))
