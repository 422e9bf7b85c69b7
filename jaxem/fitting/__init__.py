"""Fitting: one compiled loop for every algorithm, over a batch of restarts."""

from jaxem.fitting.fit import fit
from jaxem.fitting.result import Fit, Restarts
from jaxem.fitting.save import load
from jaxem.optimise.race import Race

__all__ = ["Fit", "Race", "Restarts", "fit", "load"]
