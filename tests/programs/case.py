"""A NumPyro program and the same model declared by hand."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

import jaxem


@dataclasses.dataclass(frozen=True)
class Case:
    """A program and its twin.

    Attributes:
        program: The program.
        data: Its arguments.
        twin: The model declared by hand.
        rows: Its data.
        start: Parameters in which no two states are alike.
    """

    program: Callable[..., Any]
    data: Any
    twin: jaxem.Model
    rows: Any
    start: dict[str, Any]


def simplexes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Points about the middle of simplexes."""
    return rng.dirichlet(np.full(shape[-1], 5.0), size=shape[:-1])
