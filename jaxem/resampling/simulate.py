"""Data drawn from a fitted model, by a function that draws one row."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.fitting import Fit
from jaxem.model.binding import Bound
from jaxem.numerics.keys import as_key
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Array, Data, DeclarationError, Params

#: ``sampler(params, key, x)``: a row drawn in the place of the row x, whose covariates it may read.
Sampler = Callable[[Params, Array, Data], Data]


def check_sampler(sampler: Any, what: str) -> Sampler:
    """The sampler, if it is one.

    Raises:
        DeclarationError: If there is no function that draws rows.
    """
    if not callable(sampler):
        raise DeclarationError(
            f"{what} draws data from the fitted model, and a log joint says how probable data are, "
            f"not how to draw them: give sampler(params, key, x), a function in JAX that returns "
            f"one new row in the place of the row x (which it may ignore, or read covariates "
            f"from); got {sampler!r}."
        )
    return sampler


def expanded(bound: Bound, weights: np.ndarray) -> Data:
    """Rows as often as they count, one a draw.

    Raises:
        DeclarationError: If a weight is no integer, or the rows are steps of sequences.
    """
    if bound.sequences is not None:
        raise DeclarationError(
            "data are drawn row by row, and steps of a chain depend on one another; simulated "
            "sequences are not supported."
        )
    whole = weights.astype(int)
    if not np.array_equal(whole, weights):
        raise DeclarationError(
            "data are drawn once for each unit of weight, and some weights are no integers."
        )
    return take_rows(bound.rows, np.repeat(np.arange(len(whole)), whole))


def simulate(
    fit: Fit, sampler: Sampler, params: Params, rows: Data, draws: int, key: Any, stacked: bool
) -> Data:
    """Draw whole data sets.

    Args:
        fit: The fit.
        sampler: Draws a row.
        params: Parameters nested as declared; stacked over draws if ``stacked``.
        rows: The rows in whose place others are drawn, NumPy leaves.
        draws: How many data sets.
        key: An int or a JAX key.
        stacked: Whether every data set has parameters of its own.

    Returns:
        Leaves (draws, n, ...), NumPy, of the types of the rows.

    Raises:
        DeclarationError: If what is drawn has another form than a row.
    """
    one = take_rows(rows, 0)
    single = jax.tree.map(lambda leaf: leaf[0], params) if stacked else params
    try:
        shape = jax.eval_shape(sampler, single, as_key(0), one)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DeclarationError(
            f"sampler(params, key, x) fails for one row x: {error}. It must be written in JAX."
        ) from error
    wanted = jax.tree.map(np.shape, one)
    got = jax.tree.map(lambda leaf: tuple(leaf.shape), shape)
    if got != wanted:
        raise DeclarationError(
            f"sampler(params, key, x) returns shapes {got}; expected those of one row, {wanted}."
        )

    def data_set(params, key, rows):
        keys = jax.random.split(key, row_count(rows))
        return jax.vmap(sampler, in_axes=(None, 0, 0))(params, keys, rows)

    every = jax.vmap(data_set, in_axes=(0 if stacked else None, 0, None))
    program = fit.compile(("simulate", sampler, stacked), every)
    drawn = program(params, jax.random.split(as_key(key), draws), jax.tree.map(jnp.asarray, rows))
    return jax.tree.map(lambda new, old: np.asarray(new).astype(old.dtype), drawn, rows)
