"""Diagnostics of a fit: labels, other optima, components, predictions."""

from jaxem.diagnostics.components import Diagnosis, diagnose
from jaxem.diagnostics.labels import Aligned, align
from jaxem.diagnostics.landscape import Optima, Optimum, landscape
from jaxem.diagnostics.predictive import PredictiveCheck, predictive_check

__all__ = [
    "Aligned",
    "Diagnosis",
    "Optima",
    "Optimum",
    "PredictiveCheck",
    "align",
    "diagnose",
    "landscape",
    "predictive_check",
]
