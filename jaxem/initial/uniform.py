"""Starts uniform about the reference, in real coordinates."""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.reference import displaced, hyperparameters
from jaxem.initial.alive import alive
from jaxem.initial.interior import inside
from jaxem.initial.setting import Setting
from jaxem.numerics.rows import take_rows

_REACH = 2.0


def uniform(setting: Setting, generators: list[np.random.Generator]):
    """Real coordinates uniform within two units of the reference.

    A unit is 1 for logarithms and logits, and else the length that changes the log joint by about a
    nat a row; on standardised data this is much like NumPyro's ``init_to_uniform``. A hierarchy may
    have a mode of little pooling and one of much, and the reference is near one of them: so every
    other start of a hierarchy, the first among them, is NumPyro's, with all unconstrained
    coordinates within two units of zero. A start at which a state has no rows is moved towards the
    reference.
    """
    model, plan = setting.model, setting.plan

    def about_reference(rng: np.random.Generator):
        def steps(size):
            return rng.uniform(-_REACH, _REACH, size=size)

        return {p.name: displaced(p, plan.reference, plan.units, steps) for p in model.free}

    def about_zero(rng: np.random.Generator):
        known = {}
        for p in model.free:
            u = jnp.asarray(rng.uniform(-_REACH, _REACH, size=p.unconstrained_shape))
            known[p.name] = np.asarray(p.constrain(u))
        return known

    hierarchy = hyperparameters(model, take_rows(setting.data, 0))
    kinds = itertools.cycle((about_zero, about_reference) if hierarchy else (about_reference,))
    return one_by_one(setting, generators, lambda rng: next(kinds)(rng))


def one_by_one(
    setting: Setting,
    generators: list[np.random.Generator],
    draw: Callable[[np.random.Generator], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """One draw a restart, moved inside the supports and until every state has rows.

    Parameters that are not drawn are at the reference.
    """
    reference = setting.reference()
    with jax.enable_x64(True):
        draws = [{**reference, **draw(rng)} for rng in generators]
    starts = {name: np.stack([d[name] for d in draws]) for name in reference}
    return alive(setting, inside(setting, starts))
