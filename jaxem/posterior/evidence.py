r"""The evidence with the latent states summed out, as a differentiable function of the parameters.

.. math:: \log p(x_i \mid \theta) = \log \sum_z e^{\log p(x_i, z \mid \theta)}

Rows are taken in blocks and a block's table of log factors is made again for the derivative, so
that memory does not grow with N K. On replaced data (see `estep.anchored`) a block's table is a
matrix product.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.estep.anchored import Anchored
from jaxem.estep.batch import block_size, make_batch
from jaxem.estep.expectation import over_blocks
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.model.binding import bind
from jaxem.model.check import prepare_weights
from jaxem.model.declaration import check_call
from jaxem.numerics.logspace import weighted
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Array, Data

Values = Mapping[str, Array]


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


def of_rows(model: Model, values: Values, rows: Data) -> Array:
    """Log evidence of each row, (n,).

    Args:
        model: The declared model.
        values: Parameters by dotted name.
        rows: A pytree of arrays with n rows, traced or not.
    """
    count = row_count(rows)
    size = block_size(count, model.latent.size)
    batch = make_batch(rows, np.ones(count, jnp.result_type(float)), size)

    def block(nothing, inputs):
        return nothing, model.latent.log_partition(model.table(values, inputs[0]))

    _, evidence = over_blocks(block, jnp.zeros(()), tuple(batch))
    return evidence.reshape(-1)[:count]


def of_source(model: Model, values: Values, source: Source) -> Array:
    """Log evidence of all rows, a scalar, from the rows or from what replaces them."""
    anchored = source if isinstance(source, Anchored) and source.product else None
    eta = None if anchored is None else anchored.coefficients_of(model, values)

    def block(total, inputs):
        rows, weights, stored = inputs
        if anchored is None or eta is None:
            table = model.table(values, rows)
        else:
            table = anchored.features_of(rows, stored) @ eta.T
        return total + weighted(model.latent.log_partition(table), weights).sum(), None

    start = jnp.zeros((), source.batch.weights.dtype)
    inputs = (*source.batch, None) if anchored is None else anchored.blocks
    total, _ = over_blocks(block, start, inputs)
    return total if anchored is None else total + anchored.beyond
