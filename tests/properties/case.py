"""What a declared model brings to the property tests."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import jaxem

Params = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """One declared model with data and a start.

    Attributes:
        model: The declaration.
        data: Rows.
        start: Parameters in which no two states are alike.
        weights: Row weights, or None.
        labels: Parameters with an axis of interchangeable states, and that axis.
        closed: For every free parameter that must be an exact closed form, its words.
        thresholds: Parameters that are exact by soft thresholds, their priors having kinks.
        update: The textbook M-step, ``update(params, data, shares)`` in NumPy; shares (n, K)
            contain the row weights. None where print has none.
        refused: Parameters for which any closed form would be a mistake.
        exact: Whether one sweep must be the exact joint M-step.
    """

    model: jaxem.Model
    data: Any
    start: Params
    weights: np.ndarray | None = None
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)
    closed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    thresholds: tuple[str, ...] = ()
    update: Callable[[Params, Any, np.ndarray], Params] | None = None
    refused: tuple[str, ...] = ()
    exact: bool = True
