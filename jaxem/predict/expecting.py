r"""Conditional expectations of functions of the latent states, :math:`E[g(\theta, z, x) \mid x]`.

Sums over the configurations of a row, or of a step, weighted by their posterior. A configuration of
posterior zero is left out, even where g is infinite.
"""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.estep import EStep
from jaxem.estep.batch import block_size
from jaxem.estep.steps import in_configurations
from jaxem.latent import Markov
from jaxem.latent.latent import Branch
from jaxem.latent.links import Links
from jaxem.model import Model
from jaxem.model.arrays import as_arrays
from jaxem.model.binding import Bound
from jaxem.model.check import prepare_data
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Array, Data, DeclarationError

if TYPE_CHECKING:
    from jaxem.predict.readings import Readings

#: The function g, with the arguments of the log joint; it returns any pytree of arrays.
Wanted = Callable[..., Any]


def branches_of(bound: Bound, function: Any) -> tuple[Branch, ...]:
    """The calls of a function: with single states, or with pairs as the log joint of a chain.

    Args:
        bound: The model and its rows.
        function: The function g.

    Returns:
        See `Latent.branches`; of a chain or tree a single one if g takes no pairs.

    Raises:
        DeclarationError: If it cannot be called, or returns another form at a start than later.
    """
    model, latent = bound.model, bound.model.latent
    calls: list[tuple[str, ...]] = [("params", "z", "x")]
    if isinstance(latent, Markov):
        calls.append(("params", *latent.arguments, "x"))
    chosen = next((names for names in calls if _takes(function, names)), None)
    if chosen is None:
        listed = " or ".join(f"function({', '.join(names)})" for names in calls)
        raise DeclarationError(
            f"expect takes a function of positional arguments, {listed}; got {function!r}."
        )
    branches = ((latent.states(),),) if chosen is calls[0] else latent.branches()
    row = take_rows(bound.rows, 0)
    values = {p.name: jnp.asarray(p.center(), jnp.result_type(float)) for p in model.parameters}
    forms = []
    for branch in branches:
        first = jax.tree.map(lambda s: jnp.asarray(s[0]), branch)
        try:
            found = jax.eval_shape(function, model.nest(values), *first, row)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            lines = str(error).strip().splitlines() or ["no message"]
            raise DeclarationError(
                f"function({', '.join(chosen)}) fails for one row x with {type(error).__name__}: "
                f"{lines[0]}. It must be written in JAX; of x it gets a row as the log joint does."
            ) from error
        forms.append(jax.tree.map(lambda leaf: leaf.shape, found))
    if any(form != forms[0] for form in forms):
        raise DeclarationError(
            f"function returns shapes {forms[0]} where {latent.arguments[0]} is None, and "
            f"{forms[1]} elsewhere; expected the same."
        )
    return branches


def expected(
    model: Model,
    function: Wanted,
    branches: tuple[Branch, ...],
    values: Any,
    weights: Array,
    rows: Data,
) -> Any:
    """Expectations of rows, leaves (n, ...), computed a few rows at a time.

    Args:
        model: The declared model.
        function: The function g.
        branches: See `branches_of`.
        values: Parameters by dotted name.
        weights: Posterior of the configurations of these branches, (n, configurations).
        rows: The rows, leaves (n, ...).
    """
    params = model.nest(values)

    def of_row(inputs):
        responsibilities, row = inputs
        parts = [_over(function, params, branch, row) for branch in branches]
        every = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
        return jax.tree.map(lambda g: _weigh(responsibilities, g), every)

    one = take_rows((weights, rows), 0)
    numbers = sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(of_row, one)))
    size = block_size(row_count(rows), weights.shape[-1] * max(1, numbers))
    return jax.lax.map(of_row, (weights, rows), batch_size=size)


def expected_of_rows(e_step: EStep, function: Wanted, branches: tuple[Branch, ...]) -> Any:
    """Expectations for a block of independent rows, a `RowReading` of `by_row`."""

    def read(model: Model, values: Any, rows: Data, table: Array, key: Array) -> Any:
        _, responsibilities = e_step.posterior(model.latent, table)
        return expected(model, function, branches, values, responsibilities, rows)

    return read


def expected_of_steps(e_step: EStep, function: Wanted, branches: tuple[Branch, ...]) -> Any:
    """Expectations for a block of sequences, leaves (T, n, ...), for `decode_rows`."""

    def read(model: Model, values: Any, rows: Data, links: Links) -> Any:
        _, responsibilities = e_step.posterior(model.latent, links)
        configurations = in_configurations(responsibilities)
        weights = configurations if len(branches) > 1 else model.latent.occupancy(configurations)
        found = expected(model, function, branches, values, weights, rows)
        horizon = 1 + len(links.valid)
        return jax.tree.map(lambda leaf: leaf.reshape(horizon, -1, *leaf.shape[1:]), found)

    return read


def expected_under(
    reader: "Readings", data: Data, function: Wanted, states: Any, lengths: Any
) -> Any:
    """Expectations under given probabilities of the states, leaves (n, ...) or (n, T, ...).

    Args:
        reader: The fitted model.
        data: The rows x of the function, leaves (n, ...); of chains (n, T, ...).
        function: The function ``g(params, z, x)``.
        states: Probabilities, which broadcast to (n, K) or (n, T, S).
        lengths: Must be None: steps past the end of a sequence are not told apart.

    Raises:
        DeclarationError: If these are no probabilities, or the function cannot be called.
    """
    model = reader.model
    if not isinstance(model, Model) or lengths is not None:
        raise DeclarationError(
            "expect with states=... takes them as they are: leave lengths out, and load a saved "
            "fit with its model."
        )
    many = isinstance(model.latent, Markov)
    arrays = as_arrays(data)
    lead = np.shape(jax.tree.leaves(arrays)[0])[: 1 + many]
    if many:
        arrays = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), arrays)
    rows = prepare_data(arrays)
    weights = _probabilities(states, (*lead, model.latent.size))
    branches = branches_of(Bound(model, rows, None), function)
    if len(branches) > 1:
        raise DeclarationError(
            "states=... are probabilities of single states; a function of pairs of states is "
            "expected given data. Leave states out, or take g(params, z, x)."
        )
    values = model.flatten(reader.params)
    flat = jnp.asarray(weights.reshape(-1, weights.shape[-1]), jnp.result_type(float))

    def read(values: Any, weights: Array, rows: Data) -> Any:
        return expected(model, function, branches, values, weights, rows)

    found = reader.compile(("expect under", function), read)(values, flat, rows)
    return jax.tree.map(lambda leaf: leaf.reshape(*lead, *leaf.shape[1:]), found)


def _probabilities(states: Any, shape: tuple[int, ...]) -> np.ndarray:
    given = np.asarray(states, float)
    try:
        out = np.broadcast_to(given, shape)
    except ValueError:
        raise DeclarationError(
            f"states has shape {given.shape}; expected {shape}, or {shape[-1:]} for all alike."
        ) from None
    if np.any(out < 0) or np.any(np.abs(out.sum(-1) - 1) > 1e-4):
        raise DeclarationError("states must be probabilities: not negative, with sum 1.")
    return out


def _over(function: Wanted, params: Any, branch: Branch, row: Data) -> Any:
    """A function at every configuration of a branch, leaves (configurations, ...)."""
    given = [place for place, states in enumerate(branch) if states is not None]
    of_states = function
    for place in reversed(given):
        axes: list[int | None] = [None] * (len(branch) + 2)
        axes[1 + place] = 0
        of_states = jax.vmap(of_states, axes)
    found = of_states(params, *jax.tree.map(jnp.asarray, branch), row)
    return jax.tree.map(lambda g: g.reshape(-1, *g.shape[len(given) :]), found)


def _weigh(responsibilities: Array, g: Array) -> Array:
    held = (responsibilities > 0).reshape(-1, *[1] * (g.ndim - 1))
    inside = jnp.where(held, g, 0).astype(jnp.result_type(g, responsibilities))
    return jnp.tensordot(responsibilities, inside, 1)


def _takes(function: Any, names: tuple[str, ...]) -> bool:
    try:
        inspect.signature(function).bind(*names)
    except TypeError:
        return False
    except ValueError:  # a callable without a signature is taken at its word
        return True
    return True
