"""Starts uniform about home, in real coordinates."""

from collections.abc import Callable

import jax
import numpy as np

from jaxem.algebra.home import displaced, hyperparameters
from jaxem.initial.interior import inside
from jaxem.initial.setting import Setting
from jaxem.model.prior import Parameter
from jaxem.numerics.rows import take_rows

_REACH = 2.0


def uniform(setting: Setting, generators: list[np.random.Generator]):
    """Real coordinates uniform within two units of home.

    A unit is 1 in logarithms and logits, and elsewhere what changes the log joint by about a nat
    a row. On standardised data, much as NumPyro's ``init_to_uniform``. In a hierarchy,
    parameters with a prior given others are about their common mean, and nearer by a random factor,
    for it may have a mode of little pooling and one of much.
    """
    model, plan = setting.model, setting.plan
    hierarchy = bool(hyperparameters(model, take_rows(setting.data, 0)))

    def draw(rng: np.random.Generator):
        known = {}
        for p in model.free:
            centre, reach = plan.home, _REACH
            if hierarchy and p.is_conditional:
                centre, reach = {p.name: _alike(p, plan.home[p.name])}, _REACH * rng.uniform()

            def steps(size, reach=reach):
                return rng.uniform(-reach, reach, size=size)

            known[p.name] = displaced(p, centre, plan.units, steps)
        return known

    return one_by_one(setting, generators, draw)


def _alike(p: Parameter, home: np.ndarray) -> np.ndarray:
    """Home with all entries alike: their mean, in real coordinates."""
    u = np.asarray(p.to_real(home), float)
    axes = tuple(range(u.ndim - p.event_dim))
    return np.asarray(p.from_real(np.broadcast_to(u.mean(axes, keepdims=True), u.shape)), float)


def one_by_one(
    setting: Setting,
    generators: list[np.random.Generator],
    draw: Callable[[np.random.Generator], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """One draw a restart, moved inside the supports; beside it, home for what is not drawn."""
    home = setting.home()
    with jax.enable_x64(True):
        draws = [{**home, **draw(rng)} for rng in generators]
    return inside(setting, {name: np.stack([d[name] for d in draws]) for name in home})
