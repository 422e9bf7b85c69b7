"""Simulation of data sets by a given sampler, of one unit, a row or a sequence, at a time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.latent import Markov
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.model.sequences import Sequences
from jaxem.numerics.keys import as_key
from jaxem.numerics.rows import row_count, take_rows
from jaxem.simulation.record import as_drawn
from jaxem.types import Array, Data, DeclarationError, Params

#: ``sampler(params, key, x)``: a unit drawn in the place of the unit x, whose covariates it may
#: read. A unit is a row; of a chain a sequence, leaves (T, ...); of a tree a datum, (N, ...).
Sampler = Callable[[Params, Array, Data], Data]


def check_sampler(sampler: Any, model: Model, what: str) -> Sampler:
    """The sampler, checked to be a function.

    Raises:
        DeclarationError: If there is no function that draws units.
    """
    if not callable(sampler):
        unit = "sequence, leaves (T, ...)," if isinstance(model.latent, Markov) else "row"
        raise DeclarationError(
            f"{what} draws data from the fitted model, and a log joint says how probable data are, "
            f"not how to draw them: give sampler(params, key, x), a function in JAX that returns "
            f"one new {unit} in the place of x (which it may ignore, or read covariates "
            f"from); got {sampler!r}."
        )
    return sampler


def repeated(bound: Bound, weights: np.ndarray) -> tuple[Data, Sequences | None]:
    """Units repeated by their weights: rows, or rectangles with their sequences.

    Raises:
        DeclarationError: If a weight is no integer.
    """
    sequences = bound.sequences
    of_units = weights if sequences is None else weights[sequences.starts]
    whole = of_units.astype(int)
    if not np.array_equal(whole, of_units):
        raise DeclarationError(
            "data are drawn once for each unit of weight, and some weights are no integers."
        )
    index = np.repeat(np.arange(len(whole)), whole)
    if sequences is None:
        return take_rows(bound.rows, index), None
    chosen = Sequences(sequences.lengths[index], sequences.horizon)
    return take_rows(sequences.rectangle(bound.rows), index), chosen


def by_sampler(
    sampler: Sampler, units: Data, params: Params, draws: int, key: Any, stacked: bool, compile: Any
) -> Data:
    """Draw whole data sets.

    Args:
        sampler: Draws a unit.
        units: The units x of the sampler, NumPy leaves (n, ...).
        params: Parameters nested as declared; stacked over draws if ``stacked``.
        draws: Number of data sets.
        key: An int or a JAX key.
        stacked: Whether every data set has parameters of its own.
        compile: From a name and a function to its compiled form.

    Returns:
        Leaves (draws, n, ...), NumPy, of the types of the units.

    Raises:
        DeclarationError: If what is drawn has another form than a unit, or is no number.
    """
    one = take_rows(units, 0)
    _check_form(sampler, jax.tree.map(lambda leaf: leaf[0], params) if stacked else params, one)

    def data_set(params, key, units):
        keys = jax.random.split(key, row_count(units))
        return jax.vmap(sampler, in_axes=(None, 0, 0))(params, keys, units)

    every = jax.vmap(data_set, in_axes=(0 if stacked else None, 0, None))
    program = compile(("simulate", sampler, stacked), every)
    keys = jax.random.split(as_key(key), draws)
    drawn = jax.tree.map(np.asarray, program(params, keys, jax.tree.map(jnp.asarray, units)))
    if draws > 1 and not stacked and all(_repeats(leaf) for leaf in jax.tree.leaves(drawn)):
        raise DeclarationError(
            f"sampler(params, key, x) drew {draws} data sets that are all the same. It must draw "
            f"with the key that it is given, by jax.random; NumPy's random numbers are drawn once, "
            f"when it is traced."
        )
    return jax.tree_util.tree_map_with_path(
        lambda path, new, old: as_drawn(new, old, f"x{jax.tree_util.keystr(path)}"),
        drawn,
        units,
    )


def _repeats(leaf: np.ndarray) -> bool:
    return bool(np.all(leaf == leaf[:1]))


def _check_form(sampler: Sampler, params: Params, one: Data) -> None:
    try:
        shape = jax.eval_shape(sampler, params, as_key(0), one)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        lines = str(error).strip().splitlines() or ["no message"]
        raise DeclarationError(
            f"sampler(params, key, x) fails for one unit x of shapes "
            f"{jax.tree.map(np.shape, one)} with {type(error).__name__}: {lines[0]}. It must be "
            f"written in JAX."
        ) from error
    wanted = jax.tree.map(np.shape, one)
    got = jax.tree.map(lambda leaf: tuple(leaf.shape), shape)
    if got != wanted:
        raise DeclarationError(
            f"sampler(params, key, x) returns shapes {got}; expected those of x, {wanted}."
        )
