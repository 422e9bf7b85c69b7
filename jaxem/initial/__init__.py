"""Initialisers: functions that make starts, one for each restart.

An initialiser is called as ``initialiser(setting, keys)`` with a `Setting` and one NumPy generator
a restart, and returns parameters by dotted name, stacked over restarts.
"""

from jaxem.initial.default import scattered, seeds_and_scattered
from jaxem.initial.draws import prior_draws
from jaxem.initial.seeds import kmeans_plus_plus, random_rows
from jaxem.initial.setting import Setting
from jaxem.initial.shares import from_responsibilities, random_responsibilities

__all__ = [
    "Setting",
    "from_responsibilities",
    "kmeans_plus_plus",
    "prior_draws",
    "random_responsibilities",
    "random_rows",
    "scattered",
    "seeds_and_scattered",
]
