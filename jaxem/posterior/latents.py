"""The latent states given draws of the parameters: composition sampling."""

import warnings
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.compiled.program import CompiledProgram
from jaxem.estep.batch import Batch, block_size, make_batch
from jaxem.estep.order import in_order, later_steps
from jaxem.fitting import Fit
from jaxem.latent import Markov
from jaxem.latent.links import dense_links
from jaxem.model import Model
from jaxem.model.binding import bind_steps
from jaxem.model.indices import check_indices
from jaxem.model.prior import dotted
from jaxem.model.sequences import Sequences
from jaxem.numerics.keys import as_key
from jaxem.numerics.rows import row_count
from jaxem.posterior.fitted import declared_of
from jaxem.types import Array, Data, DeclarationError, State

#: Log factors that may be in memory at once.
_ENTRIES = 2**20


def latents(
    model: Model | Fit, draws: Mapping[str, Any], data: Data, *, key: Any = 0, lengths: Any = None
) -> State:
    r"""Draw the latent state of every row, given each draw of the parameters.

    :math:`z_i^{(s)} \sim p(z \mid x_i, \theta^{(s)})`; together with the draws of the parameters
    these are draws from the joint posterior of parameters and states. Of a chain or tree the states
    of a sequence or datum are drawn together.

    Args:
        model: The declared model, a program from `jaxem.from_numpyro`, or a fit of either.
        draws: Parameters with leading axes of draws, by dotted name as ``get_samples()`` returns
            them, by chain or not, or nested as declared. Fixed parameters may be left out; other
            entries are not read.
        data: Rows, of the fit or new ones.
        key: An int or a JAX key.
        lengths: For a chain, the steps of each sequence, (n,).

    Returns:
        Indices of states, int32, in the structure of the declaration: an array (draws, n) for
        ``Finite(3)``, (draws, n, T) for ``Chain(3)``, -1 past an end; a dictionary of such arrays
        for ``Finite(topic=5, outlier=2)``. -1 for what a draw makes impossible, with a warning.

    Raises:
        DeclarationError: If a parameter is missing or has another shape, or the data cannot be
            read.
    """
    bound = bind_steps(declared_of(model) if isinstance(model, Fit) else model, data, lengths)
    values, leading = _stacked(bound.model, draws)
    check_indices(bound.model, bound.rows, bound.starts)
    if bound.sequences is None:
        index, exists = _of_rows(bound.model, values, bound.rows, as_key(key)), True
    else:
        index = _of_sequences(bound.model, values, bound.rows, bound.sequences, as_key(key))
        exists = jnp.asarray(bound.sequences.exists)
    _warn_of_impossible(np.asarray((index < 0) & exists))
    drawn = exists & (index.reshape(*leading, *index.shape[1:]) >= 0)
    index = index.reshape(*leading, *index.shape[1:])

    def of_part(states):
        return jnp.where(drawn, jnp.asarray(states, jnp.int32)[index], -1)

    return jax.tree.map(of_part, bound.model.latent.states())


def _of_rows(model: Model, values: dict[str, Array], rows: Data, key: Array) -> Array:
    """Indices of joint states, (draws, n)."""
    count = row_count(rows)
    size = block_size(count, model.latent.size)
    batch = make_batch(rows, np.ones(count, jnp.result_type(float)), size)
    return _draw(model, values, batch, key)[:, :count]


def _of_sequences(
    model: Model, values: dict[str, Array], rows: Data, sequences: Sequences, key: Array
) -> Array:
    """Indices of the states of all steps of sequences, (draws, n, T)."""
    latent = model.latent
    assert isinstance(latent, Markov)
    order = in_order(sequences, latent.configurations)

    def of_block(values, keys, rows, exists):
        def of_draw(inputs):
            one, key = inputs
            table = model.table(one, rows)
            links = dense_links(table, later_steps(exists, order.size), latent.size)
            possible = jnp.isfinite(latent.log_partition(links))
            return jnp.where(possible, latent.sample(links, key), -1)

        return jax.lax.map(of_draw, (values, keys))

    program = CompiledProgram(of_block, "states")
    parts = []
    for block, (index, exists) in enumerate(zip(order.index, order.exists, strict=True)):
        keys = jax.random.split(jax.random.fold_in(key, block), len(next(iter(values.values()))))
        block_rows = jax.tree.map(lambda leaf, index=index: jnp.asarray(leaf[index]), rows)
        parts.append(program(values, keys, block_rows, exists))
    drawn = jnp.concatenate(parts, axis=2)[:, : sequences.horizon, : sequences.count]
    return drawn.swapaxes(1, 2)


def _draw(model: Model, values: dict[str, Array], batch: Batch, key: Array) -> Array:
    """Indices of joint states, (draws, blocks * size)."""
    blocks, size = batch.weights.shape
    count = len(next(iter(values.values())))
    at_once = max(1, _ENTRIES // (size * model.latent.size))

    def of_block(inputs):
        one, rows, key = inputs
        table = model.table(one, rows)
        possible = jnp.isfinite(model.latent.log_partition(table))
        return jnp.where(possible, jax.random.categorical(key, table), -1)

    def of_draw(inputs):
        one, key, rows = inputs
        keys = jax.random.split(key, blocks)
        return jax.lax.map(lambda block: of_block((one, *block)), (rows, keys)).reshape(-1)

    def of_all(values, rows, keys):
        return jax.lax.map(lambda x: of_draw((*x, rows)), (values, keys), batch_size=at_once)

    return CompiledProgram(of_all, "states")(values, batch.rows, jax.random.split(key, count))


def _warn_of_impossible(impossible: np.ndarray) -> None:
    """Warn of rows, or sequences, that some draws make impossible, (draws, n, ...)."""
    bad = np.asarray(impossible.reshape(*impossible.shape[:2], -1).any(2))
    if bad.any():
        draw, row = np.argwhere(bad)[0]
        warnings.warn(
            f"{int(bad.any(0).sum())} of {bad.shape[1]} rows or sequences are impossible under "
            f"some draws of the parameters, first number {row} under draw {draw}: no latent state "
            f"can make it. Its states are -1 there.",
            stacklevel=3,
        )


def _stacked(model: Model, draws: Any) -> tuple[dict[str, Array], tuple[int, ...]]:
    """Parameters by dotted name with one axis of draws, and the leading axes that there were."""
    if not isinstance(draws, Mapping):
        raise DeclarationError(
            f"draws must be a dictionary of parameters, such as mcmc.get_samples(); got "
            f"{type(draws).__name__}."
        )
    given = dict(dotted(draws))
    leading: dict[str, tuple[int, ...]] = {}
    for p in model.free:
        if p.name not in given:
            raise DeclarationError(
                f"draws lacks parameter {p.name!r}; it has {', '.join(map(repr, given))}."
            )
        shape = np.shape(given[p.name])
        split = len(shape) - len(p.shape)
        if split < 1 or shape[split:] != p.shape:
            raise DeclarationError(
                f"draws[{p.name!r}] has shape {shape}; expected one or more axes of draws, then "
                f"{p.shape}."
            )
        leading[p.name] = shape[:split]
    if len(set(leading.values())) > 1:
        listed = ", ".join(f"{name!r} has {axes}" for name, axes in leading.items())
        raise DeclarationError(f"draws needs the same axes of draws for all parameters; {listed}.")
    axes = next(iter(leading.values()))
    count = int(np.prod(axes))
    if count == 0:
        raise DeclarationError("draws is empty: it has no draw of any parameter.")
    dtype = jnp.result_type(float)
    fixed = {k: np.broadcast_to(v, (*axes, *v.shape)) for k, v in model.fixed.items()}
    every = {**given, **fixed}
    return {
        p.name: jnp.asarray(every[p.name], dtype).reshape(count, *p.shape) for p in model.parameters
    }, axes
