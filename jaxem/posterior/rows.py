"""The data of a posterior, checked as those of a fit are."""

from typing import Any

import numpy as np

from jaxem.model import Model
from jaxem.model.binding import bind
from jaxem.model.check import prepare_weights
from jaxem.model.declaration import check_call
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data


def prepare_rows(declared: Any, data: Any, weights: Any) -> tuple[Model, Data, np.ndarray]:
    """The model for data, the rows and their weights as NumPy arrays, checked.

    Args:
        declared: A model, or a program from `jaxem.from_numpyro`.
        data: Data as it takes them.
        weights: Row weights, (n,), or None.

    Raises:
        DeclarationError: If they cannot be read, or the log joint cannot take such a row.
    """
    model, rows = bind(declared, data)
    checked = prepare_weights(weights, row_count(rows), model)
    check_call(model, take_rows(rows, 0))
    return model, rows, checked
