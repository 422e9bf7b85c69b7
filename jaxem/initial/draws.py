"""Starts drawn from the prior; parameters with a flat prior start from seed rows."""

import jax
import numpy as np

from jaxem.initial.seeds import random_rows
from jaxem.initial.setting import Setting
from jaxem.model.prior import Parameter


def prior_draws(setting: Setting, generators: list[np.random.Generator]):
    """One draw a restart; parameters with a flat prior start from random rows."""
    starts = random_rows(setting, generators)
    for restart, rng in enumerate(generators):
        known = {name: leaf[restart] for name, leaf in starts.items()}
        for p in in_order(setting.model.free):
            if p.described != "flat":
                known[p.name] = draw_from_prior(setting, p, known, rng)
                starts[p.name][restart] = known[p.name]
    return starts


def in_order(parameters: tuple[Parameter, ...]) -> list[Parameter]:
    """The parameters, those with conditional priors last."""
    return sorted(parameters, key=lambda p: p.is_conditional)


def draw_from_prior(
    setting: Setting, p: Parameter, known: dict[str, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """One draw from the prior of a parameter, given the parameters that it depends on."""
    prior = p.distribution(setting.model.nest(known))
    return np.asarray(prior.sample(jax.random.key(int(rng.integers(2**31)))))
