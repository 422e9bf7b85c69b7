"""Posteriors of states and pairs, and paths, of the sequences of a fitted chain or tree."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.estep import EStep
from jaxem.estep.order import in_order, later_steps
from jaxem.latent import Chain, Markov
from jaxem.latent.links import Dense, Links, dense_links
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.model.declaration import check_call
from jaxem.numerics.keys import as_key
from jaxem.numerics.rows import take_rows
from jaxem.types import Array, Data, DeclarationError, Params

#: Compiles a function under a key, or finds it compiled.
Compile = Callable[[Any, Callable[..., Any]], Callable[..., Any]]

#: From the latent structure, log factors and a key to arrays with time first, or one a sequence.
Reading = Callable[[Any, Links, Array], Array]

#: From the model, parameters by dotted name, the rows of a block and log factors to any pytree of
#: arrays.
RowReading = Callable[[Model, Any, Data, Links], Any]


def decode(
    bound: Bound,
    params: Params,
    compile: Compile,
    name: Any,
    reading: Reading,
    key: Any = 0,
    *,
    timed: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """A result from the posterior of every sequence.

    Args:
        bound: The model and the steps.
        params: Parameters, nested as declared.
        compile: Compiles a program, or finds it in the cache.
        name: The key of the program.
        reading: Computes the result for the sequences of a block: arrays (T, n, ...), or (n,).
        key: An int or a JAX key, for draws.
        timed: Whether arrays have an axis of time; if not, they are (n, ...).

    Returns:
        The result for all sequences, (n, T, ...) or (n, ...); and their log evidence, (n,).

    Raises:
        DeclarationError: If the model does not take these data.
    """

    def read(model, values, rows, links, key):
        return reading(model.latent, links, key)

    return _by_block(bound, params, compile, name, read, key, timed)


def decode_rows(
    bound: Bound, params: Params, compile: Compile, name: Any, reading: RowReading
) -> tuple[Any, np.ndarray]:
    """A result from posteriors and rows of every sequence, leaves (n, T, ...); see `decode`."""

    def read(model, values, rows, links, key):
        return reading(model, values, rows, links)

    return _by_block(bound, params, compile, name, read, 0, True)


def _by_block(
    bound: Bound, params: Params, compile: Compile, name: Any, read: Any, key: Any, timed: bool
) -> Any:
    model, sequences = bound.model, bound.sequences
    if sequences is None:
        raise DeclarationError(
            f"{model!r} has independent rows: there are no sequences to decode. "
            f"responsibilities(data) and predict(data) are what it has."
        )
    check_call(model, take_rows(bound.rows, 0))
    order = in_order(sequences, model.latent.configurations)
    program = compile((name, order.size), _of_block(model, read, order.size))
    values = model.flatten(params)
    parts = []
    for block, index in enumerate(order.index):
        rows = jax.tree.map(lambda leaf, index=index: jnp.asarray(leaf[index]), bound.rows)
        own = jax.random.fold_in(as_key(key), block)
        parts.append(program(values, rows, order.exists[block], own))

    def join(*leaves):
        arrays = [np.asarray(leaf) for leaf in leaves]
        if not timed or arrays[0].ndim == 1:
            return np.concatenate(arrays)[: sequences.count]
        whole = np.concatenate([array.swapaxes(0, 1) for array in arrays])
        return whole[: sequences.count, : whole.shape[1] - order.filling]

    return jax.tree.map(join, *parts)


def _of_block(model: Model, read: Any, size: int) -> Any:
    def of_block(values, rows, exists, key):
        assert isinstance(model.latent, Markov)
        table = model.table(values, rows)
        links = dense_links(table, later_steps(exists, size), model.latent.size)
        return read(model, values, rows, links, key), model.latent.log_partition(links)

    return of_block


def states(e_step: EStep) -> Reading:
    """Posterior of each state, (T, n, S)."""

    def read(latent: Markov, links: Links, key: Array) -> Array:
        _, responsibilities = e_step.posterior(latent, links)
        later = _matrices(responsibilities).sum(-2)
        return jnp.concatenate([responsibilities.start[None], later], 0)

    return read


def pairs(e_step: EStep) -> Reading:
    """Posterior of each state and the next, (T - 1, n, S, S)."""
    return lambda latent, links, key: _matrices(e_step.posterior(latent, links)[1])


def _matrices(responsibilities: Links) -> Array:
    assert isinstance(responsibilities.steps, Dense)
    return responsibilities.steps.factors


def evidence(e_step: EStep) -> Reading:
    """Log evidence under an E-step, the term of each sequence in the objective, (n,)."""
    return lambda latent, links, key: e_step.posterior(latent, links)[0]


def filtered(latent: Chain, links: Links, key: Array) -> Array:
    """Posterior of each state given the data up to it, (T, n, S)."""
    return latent.filtered(links)


def path(latent: Markov, links: Links, key: Array) -> Array:
    """The most probable path, (T, n)."""
    return latent.mode(links)


def path_value(latent: Markov, links: Links, key: Array) -> Array:
    """Log joint of the most probable path and the data, (n,)."""
    return latent.hard(links)[0]


def drawn_paths(draws: int) -> Reading:
    """Paths drawn from the posterior, (T, n, draws)."""

    def read(latent: Markov, links: Links, key: Array) -> Array:
        keys = jax.random.split(key, draws)
        return jnp.moveaxis(jax.vmap(lambda k: latent.sample(links, k))(keys), 0, -1)

    return read


def until_ends(values: np.ndarray, bound: Bound, fill: int) -> Array:
    """Arrays (n, T, ...), or (n, T - 1, ...), with `fill` past the ends of sequences."""
    if values.ndim == 1 or bound.sequences is None:
        return jnp.asarray(values)
    exists = bound.sequences.exists[:, bound.sequences.horizon - values.shape[1] :]
    exists = exists.reshape(*exists.shape, *[1] * (values.ndim - 2))
    return jnp.asarray(np.where(exists, values, fill))
