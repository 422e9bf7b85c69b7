"""The default start: seed rows, and every other restart scattered parameters.

Seeds suit states that are exchangeable. Where a state has an identity of its own (a node of a
quadrature, one of ordered means, a factor of a product) memberships handed out at random can put
the first M-step at an edge of a support; parameters scattered about the data do not.
"""

import numpy as np

from jaxem.algebra.draws import mix
from jaxem.initial.seeds import kmeans_plus_plus
from jaxem.initial.setting import Setting


def scattered(setting: Setting, generators: list[np.random.Generator]):
    """Parameters about the data, mixed from coarse climbs with the states apart."""
    home = setting.home()
    draws = [{**home, **mix(setting.model.free, setting.plan.climbs, rng)} for rng in generators]
    return {name: np.stack([draw[name] for draw in draws]) for name in home}


def seeds_and_scattered(setting: Setting, generators: list[np.random.Generator]):
    """k-means++ seeds for the first, third, ... restart; scattered parameters for the others."""
    starts = kmeans_plus_plus(setting, generators)
    if len(generators) > 1:
        others = scattered(setting, generators[1::2])
        for name in starts:
            starts[name][1::2] = others[name]
    return starts
