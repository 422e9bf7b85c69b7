"""Results of a fitted model for independent rows, computed a block at a time."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxem.estep import EStep
from jaxem.estep.batch import block_size, make_batch
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.model.declaration import check_call
from jaxem.numerics.keys import as_key
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Array, Data

#: From the model, parameters by dotted name, the rows of a block, their log factors, (n, K), and a
#: key to any pytree of arrays, leaves (n, ...).
RowReading = Callable[[Model, Any, Data, Array, Array], Any]


def by_row(
    bound: Bound,
    values: dict[str, Array],
    reading: RowReading,
    key: Any,
    compile: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> tuple[Any, Array]:
    """A result for every row, leaves (n, ...), without a table of all rows and states.

    Args:
        bound: The model and the rows.
        values: Parameters by dotted name.
        reading: Computes the result for the rows of a block.
        key: An int or a JAX key, for draws.
        compile: Compiles the program.

    Returns:
        The result, and the log evidence of each row, (n,).

    Raises:
        DeclarationError: If the model does not take these data.
    """
    model, count = bound.model, row_count(bound.rows)
    check_call(model, take_rows(bound.rows, 0))
    batch = make_batch(bound.rows, np.ones(count), block_size(count, model.latent.configurations))
    keys = jax.random.split(as_key(key), len(batch.weights))

    def of_block(values, rows, key):
        table = model.table(values, rows)
        return reading(model, values, rows, table, key), model.latent.log_partition(table)

    def of_all(values, blocks):
        return jax.lax.map(lambda block: of_block(values, *block), blocks)

    found = compile(of_all)(values, (batch.rows, keys))
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], found)


def posterior_of_rows(e_step: EStep, part: int) -> RowReading:
    """Log evidence of each row of a block, (n,), or with 1 its responsibilities, (n, K)."""

    def read(model: Model, values: Any, rows: Data, table: Array, key: Array) -> Array:
        return e_step.posterior(model.latent, table)[part]

    return read


def mode_of_rows(model: Model, values: Any, rows: Data, table: Array, key: Array) -> Array:
    """Index of the most probable joint state of each row of a block, (n,)."""
    return model.latent.mode(table)


def drawn_of_rows(model: Model, values: Any, rows: Data, table: Array, key: Array) -> Array:
    """Index of a joint state of each row of a block drawn from its posterior, (n,)."""
    return jax.random.categorical(key, table)
