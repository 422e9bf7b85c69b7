"""Supports of NumPyro constraints."""

from typing import Any

import numpy as np
from numpyro.distributions import biject_to, constraints

from jaxem.supports.matrices import CholeskyFactors, PositiveDefinite
from jaxem.supports.numbers import PositiveNumbers, RealNumbers, UnitInterval
from jaxem.supports.simplex import UnitSimplex
from jaxem.supports.support import Support
from jaxem.supports.transformed import Transformed
from jaxem.types import DeclarationError


def support_of(constraint: Any) -> Support:
    """The set that a NumPyro constraint describes.

    Different constraints describe the same set (positive, nonnegative, greater than 0); closed
    forms depend on the set only.
    """
    constraint = without_reinterpretation(constraint)
    if type(constraint) is type(constraints.real):
        return RealNumbers()
    if isinstance(constraint, type(constraints.simplex)):
        return UnitSimplex()
    if isinstance(constraint, type(constraints.positive_definite)):
        return PositiveDefinite()
    if isinstance(constraint, type(constraints.lower_cholesky)):
        return CholeskyFactors()
    low = getattr(constraint, "lower_bound", None)
    high = getattr(constraint, "upper_bound", None)
    if low is not None and np.all(np.equal(low, 0.0)):
        if high is None:
            return PositiveNumbers()
        if np.all(np.equal(high, 1.0)):
            return UnitInterval()
    return Transformed(constraint)


def without_reinterpretation(constraint: Any) -> Any:
    """A constraint with reinterpreted batch axes taken off."""
    while isinstance(constraint, constraints.independent):
        constraint = constraint.base_constraint
    return constraint


def check_transformation(name: str, constraint: Any) -> None:
    """Check that a constraint has unconstrained coordinates.

    Args:
        name: The parameter, in words.
        constraint: A NumPyro constraint.

    Raises:
        DeclarationError: If NumPyro has no transformation to it, as to a sphere.
    """
    try:
        biject_to(constraint)
    except (NotImplementedError, KeyError):
        raise DeclarationError(
            f"prior[{name!r}] has the support {constraint!r}, to which NumPyro has no "
            f"transformation from unconstrained numbers (biject_to), so jaxem cannot move in it. "
            f"Declare parameters that have one and compute this one in the log joint: for a point "
            f"of a sphere, angles, or a vector v with v / |v| in the log joint."
        ) from None
