"""Fitting: one compiled loop for every algorithm, over a batch of restarts."""

from jaxem.fitting.fit import fit
from jaxem.fitting.race import Race
from jaxem.fitting.result import Fit, Restarts
from jaxem.fitting.save import load

__all__ = ["Fit", "Race", "Restarts", "fit", "load"]
