"""Initialisers: functions that return starts, one for each restart.

An initialiser is called as ``initialiser(setting, keys)`` with a `Setting` and one NumPy generator
a restart, and returns parameters by dotted name, stacked over restarts.
"""

from jaxem.initial.default import at_reference, in_turn, scattered
from jaxem.initial.draws import prior_draws
from jaxem.initial.responsibilities import from_responsibilities, random_responsibilities
from jaxem.initial.seeds import kmeans_plus_plus, random_rows
from jaxem.initial.setting import Setting
from jaxem.initial.uniform import uniform

__all__ = [
    "Setting",
    "at_reference",
    "from_responsibilities",
    "in_turn",
    "kmeans_plus_plus",
    "prior_draws",
    "random_responsibilities",
    "random_rows",
    "scattered",
    "uniform",
]
