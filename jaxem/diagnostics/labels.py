"""Labels of states: the axes of parameters along the states, and parameters relabelled."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.diagnostics.overlap import Overlap
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit
from jaxem.latent.enumerated import Enumerated
from jaxem.model import Model
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data, DeclarationError, Params

#: Rows that are enough to tell axes apart.
_ROWS = 16

#: Choices of axes that are tried, at most.
_MOST = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Aligned:
    """Parameters whose states are named as those of a reference.

    Attributes:
        params: Nested as declared, leaves (S, ...).
        orders: For each, the states that were relabelled 0, 1, ..., (S, K).
        distance: Share of the data that each assigns differently than the reference, (S,).
        axes: For each parameter, by dotted name, the axes that run along the states.
    """

    params: Params
    orders: np.ndarray
    distance: np.ndarray
    axes: dict[str, tuple[int, ...]]


def align(
    fit: Fit,
    data: Data,
    params: Params | None = None,
    *,
    axes: Mapping[str, tuple[int, ...]] | None = None,
    weights: Any = None,
    lengths: Any = None,
) -> Aligned:
    """Give the states of other parameters the names that those of a fit have.

    States are matched by their responsibilities on the data. Which axes of the parameters run along
    the states is found by trying: renaming the states must rename the columns of the log joint.

    Args:
        fit: The fit, whose best restart is the reference.
        data: The rows, or sequences, that responsibilities are compared on.
        params: Nested as declared with a leading axis: draws, replicates; all restarts of the fit
            if left out.
        axes: The axes of the states of each parameter, by dotted name, if they are not to be found.
        weights: Weights of rows, or of sequences, (n,).
        lengths: For a chain, the steps of each sequence, (n,).

    Raises:
        DeclarationError: If the axes of the states cannot be told.
    """
    check_fit(fit, "jaxem.align")
    overlap = Overlap(fit, data, weights, lengths)
    model = overlap.model
    stacked = stack(model, fit.restarts.params if params is None else params)
    orders, distance = overlap(stacked, model.flatten(fit.params))
    known = state_axes(model, fit, overlap.rows) if axes is None else dict(axes)
    renamed = {
        name: np.stack([_rename(leaf[i], o, known.get(name, ())) for i, o in enumerate(orders)])
        for name, leaf in stacked.items()
    }
    return Aligned(model.nest(renamed), orders, distance, known)


def stack(model: Model, params: Params) -> dict[str, Any]:
    """Stacked parameters by dotted name.

    Raises:
        DeclarationError: If one is missing or has another shape.
    """
    out, dtype = {}, jnp.result_type(float)
    for p in model.parameters:
        leaf: Any = params
        for key in p.path:
            if not isinstance(leaf, Mapping) or key not in leaf:
                raise DeclarationError(f"params lacks parameter {p.name!r}.")
            leaf = leaf[key]
        shape = np.shape(leaf)
        if len(shape) != len(p.shape) + 1 or shape[1:] != p.shape:
            raise DeclarationError(
                f"params[{p.name!r}] has shape {shape}; expected one leading axis, then {p.shape}."
            )
        out[p.name] = jnp.asarray(leaf, dtype)
    return out


def state_axes(model: Model, fit: Fit, rows: Data) -> dict[str, tuple[int, ...]]:
    """For each parameter, by dotted name, the axes that run along the states.

    Raises:
        DeclarationError: If there are none such that renaming the states renames the columns of the
            log joint, or too many choices of axes.
    """
    size = model.latent.size
    if isinstance(model.latent, Enumerated) and model.latent.sizes[0][0] != "":
        raise DeclarationError(
            f"the states of {model.latent!r} are products of named parts; give align(axes=...) "
            f"with the axes of each parameter."
        )
    rng = np.random.default_rng(0)
    index = rng.choice(row_count(rows), min(_ROWS, row_count(rows)), replace=False)
    some = jax.tree.map(jnp.asarray, take_rows(rows, index))
    values = {k: np.asarray(v, float) for k, v in _perturbed(model, fit, rng).items()}
    turn = np.roll(np.arange(size), 1)
    options = {name: _options(v.shape, size) for name, v in values.items()}
    layouts = int(np.prod([len(o) for o in options.values()], dtype=float))
    if layouts > _MOST:
        raise DeclarationError(
            f"there are {layouts} choices of the axes of the states; give align(axes=...)."
        )
    chosen = list(itertools.product(*options.values()))
    tried = {
        name: jnp.asarray(np.stack([_rename(v, turn, way[i]) for way in chosen]))
        for i, (name, v) in enumerate(values.items())
    }
    program = fit.compile(
        ("renamed",), lambda tried, rows: jax.lax.map(lambda v: model.table(v, rows), tried)
    )
    tables = np.asarray(program(tried, some), float)
    table = tables[[all(not axes for axes in way) for way in chosen].index(True)]
    wanted = table[:, _configurations(turn, model.latent.configurations)]
    eps = float(np.finfo(table.dtype).eps if tables.dtype == float else 1e-6)
    with np.errstate(all="ignore"):
        off = np.nan_to_num(np.abs(tables - wanted), nan=0.0).max((1, 2))
    right = np.flatnonzero(off <= 1e6 * eps * (1 + np.abs(table[np.isfinite(table)]).max()))
    if not len(right):
        raise DeclarationError(
            "no choice of axes makes renaming the states rename the columns of the log joint: the "
            "states have parts of their own. Give align(axes=...)."
        )
    return dict(zip(values, chosen[right[0]], strict=True))


def _perturbed(model: Model, fit: Fit, rng: np.random.Generator) -> dict[str, Any]:
    """The parameters of a fit, perturbed so that no two entries are equal by chance."""
    values = model.flatten(fit.params)
    for p in model.free:
        real = np.asarray(p.to_real(np.asarray(p.interior(np.asarray(values[p.name], float)))))
        moved = np.clip(real, -20, None) + 0.1 * rng.normal(size=real.shape)
        values[p.name] = jnp.asarray(p.from_real(moved))
    return values


def _options(shape: tuple[int, ...], size: int) -> list[tuple[int, ...]]:
    """Choices of axes: none, each axis of length K, and each pair of such axes."""
    fitting = [axis for axis, length in enumerate(shape) if length == size]
    return [(), *((axis,) for axis in fitting), *itertools.combinations(fitting, 2)]


def _configurations(order: np.ndarray, configurations: int) -> np.ndarray:
    """Columns of the log joint after renaming: states, or those of a start and all pairs."""
    size = len(order)
    if configurations == size:
        return order
    pairs = size + order[:, None] * size + order[None, :]
    return np.concatenate([order, pairs.ravel()])


def _rename(value: Any, order: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    value = np.asarray(value)
    for axis in axes:
        value = np.take(value, order, axis)
    return value
