"""The default starts: seed rows, scattered parameters, uniform ones, in turn over the restarts.

Seeds suit states that are exchangeable: any row may start any state. Where a state has an identity
of its own (a node of a quadrature, one of ordered means) random memberships can put the first
M-step at an edge of a support; then parameters scattered about the data come first. A single state
starts from the reference parameters. Uniform parameters, which are further apart, are for
posteriors of many modes, hierarchies above all.
"""

import numpy as np

from jaxem.algebra.draws import mix
from jaxem.initial.exchange import exchangeable
from jaxem.initial.seeds import kmeans_plus_plus
from jaxem.initial.setting import Setting
from jaxem.initial.uniform import one_by_one, uniform


def scattered(setting: Setting, generators: list[np.random.Generator]):
    """Ordinary parameters, mixed from the coarse ascents of the plan, states apart."""
    free, ascents = setting.model.free, setting.plan.ascents
    return one_by_one(setting, generators, lambda rng: mix(free, ascents, rng))


def at_reference(setting: Setting, generators: list[np.random.Generator]):
    """The reference parameters, for a single state."""
    return one_by_one(setting, generators, lambda rng: {})


def in_turn(setting: Setting, generators: list[np.random.Generator]):
    """Starts of several kinds: seeds, scattered, uniform, seeds, ... over the restarts.

    Where the states are not exchangeable: scattered, uniform, seeds, ... Of a single state: the
    reference for the first restart, and then scattered, uniform, scattered, ...
    """
    if setting.states == 1:
        kinds = [scattered if i % 2 else uniform for i in range(len(generators))]
        kinds[0] = at_reference
    else:
        cycle = (kmeans_plus_plus, scattered, uniform)
        if not exchangeable(setting):
            cycle = (scattered, uniform, kmeans_plus_plus)
        kinds = [cycle[i % len(cycle)] for i in range(len(generators))]
    starts: dict[str, np.ndarray] = {}
    for kind in dict.fromkeys(kinds):
        which = [i for i, k in enumerate(kinds) if k is kind]
        for name, values in kind(setting, [generators[i] for i in which]).items():
            whole = starts.setdefault(name, np.empty((len(kinds), *values.shape[1:])))
            whole[which] = values
    return starts
