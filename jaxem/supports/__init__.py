"""Supports: the sets in which parameters lie, one class each, with their real coordinates."""

from jaxem.supports.matrices import CholeskyFactors, Matrices, PositiveDefinite
from jaxem.supports.numbers import PositiveNumbers, RealNumbers, UnitInterval
from jaxem.supports.reading import check_transformation, support_of, without_reinterpretation
from jaxem.supports.simplex import UnitSimplex
from jaxem.supports.support import Support
from jaxem.supports.transformed import Transformed

__all__ = [
    "CholeskyFactors",
    "Matrices",
    "PositiveDefinite",
    "PositiveNumbers",
    "RealNumbers",
    "Support",
    "Transformed",
    "UnitInterval",
    "UnitSimplex",
    "check_transformation",
    "support_of",
    "without_reinterpretation",
]
