"""Supports: the family of a constraint, and an ordinary value inside it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import biject_to, constraints

from jaxem.types import DeclarationError


def center(support: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An ordinary value of a support: the image of 0 in unconstrained coordinates."""
    support = without_reinterpretation(support)
    kind = support_kind(support)
    if kind in _CENTERS:
        return np.broadcast_to(_CENTERS[kind](shape), shape).astype(float)
    with jax.ensure_compile_time_eval():
        transform = biject_to(support)
        return np.asarray(transform(jnp.zeros(transform.inverse_shape(shape))), float)


def check_chart(name: str, support: Any) -> None:
    """Whether a support has unconstrained coordinates.

    Args:
        name: The parameter, in words.
        support: Its constraint.

    Raises:
        DeclarationError: If NumPyro has no transformation to it, as to a sphere.
    """
    try:
        biject_to(support)
    except (NotImplementedError, KeyError):
        raise DeclarationError(
            f"prior[{name!r}] has the support {support!r}, to which NumPyro has no transformation "
            f"from unconstrained numbers (biject_to), so jaxem cannot move in it. Declare "
            f"parameters that have one and compute this one in the log joint: for a point of a "
            f"sphere, angles, or a vector v with v / |v| in the log joint."
        ) from None


def without_reinterpretation(support: Any) -> Any:
    """A constraint with reinterpreted batch axes taken off."""
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return support


_CENTERS: dict[str, Callable[[tuple[int, ...]], Any]] = {
    "real": lambda shape: 0.0,
    "positive": lambda shape: 1.0,
    "unit": lambda shape: 0.5,
    "simplex": lambda shape: 1.0 / shape[-1],
    "positive_definite": lambda shape: np.eye(shape[-1]),
    "lower_cholesky": lambda shape: np.eye(shape[-1]),
}


def support_kind(support: Any) -> str:
    """The family of a constraint: real, positive, unit, simplex, positive_definite, ...

    Different NumPyro constraints describe the same set (positive, nonnegative, greater than 0);
    the closed forms care for the set alone. Sets with no family of their own are "other".
    """
    if type(support) is type(constraints.real):
        return "real"
    if isinstance(support, type(constraints.simplex)):
        return "simplex"
    if isinstance(support, type(constraints.positive_definite)):
        return "positive_definite"
    if isinstance(support, type(constraints.lower_cholesky)):
        return "lower_cholesky"
    low = getattr(support, "lower_bound", None)
    high = getattr(support, "upper_bound", None)
    if low is not None and high is None and np.all(np.equal(low, 0.0)):
        return "positive"
    if low is not None and high is not None:
        if np.all(np.equal(low, 0.0)) and np.all(np.equal(high, 1.0)):
            return "unit"
    return "other"
