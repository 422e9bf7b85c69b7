"""Derivatives of a fit in its data, their weights, and the parameters of its priors."""

from jaxem.derivatives.empirical import EmpiricalBayes, empirical_bayes
from jaxem.derivatives.influence import Influence, influence
from jaxem.derivatives.mode import ImplicitMode, implicit_mode
from jaxem.derivatives.sensitivity import Sensitivity, sensitivity

__all__ = [
    "EmpiricalBayes",
    "ImplicitMode",
    "Influence",
    "Sensitivity",
    "empirical_bayes",
    "implicit_mode",
    "influence",
    "sensitivity",
]
