"""The data of a posterior, checked as those of a fit are."""

from typing import Any

import numpy as np

from jaxem.model.binding import Bound, bind_steps
from jaxem.model.declaration import check_call
from jaxem.numerics.rows import take_rows


def prepare(
    declared: Any, data: Any, weights: Any, lengths: Any = None
) -> tuple[Bound, np.ndarray]:
    """The model for data, its rows, and their weights (N,), checked.

    Args:
        declared: A model, or a program from `jaxem.from_numpyro`.
        data: Data as it takes them.
        weights: Weights of rows, or of sequences, (n,), or None.
        lengths: For a chain, the steps of each sequence, (n,).

    Raises:
        DeclarationError: If they cannot be read, or the log joint cannot take such a row.
    """
    bound = bind_steps(declared, data, lengths)
    checked = bound.weigh(weights)
    check_call(bound.model, take_rows(bound.rows, 0))
    return bound, checked
