"""The sensitivity of the estimates to the data, and to the parameters of the priors."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.derivatives.hyper import PriorOf, read_family
from jaxem.derivatives.posterior import Inputs, PosteriorFamily, pull
from jaxem.derivatives.stationary import errors_at_mode, notes_of
from jaxem.errors import Errors
from jaxem.errors.surface import Quantity
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit
from jaxem.likelihood.chart import Chart, tree_names
from jaxem.model.arrays import as_arrays
from jaxem.model.binding import Bound
from jaxem.numerics.tables import aligned
from jaxem.types import Array, Data, DeclarationError

#: Lines of a table.
_SHOWN = 20


@dataclasses.dataclass(frozen=True, eq=False)
class Sensitivity:
    """Derivatives of the estimates in the data or in hyper-parameters; print it for the largest.

    Attributes:
        estimate: Estimates, nested as the parameters are, or in the form of the quantities.
        inputs: The inputs: the data, or hyper-parameters by name.
        derivative: In the form of the inputs, and for each of their leaves in the form of the
            estimates, the axes of the estimate before those of the input; None for a leaf of
            integers, NaN for estimates that are not identified.
        notes: Notes for the reader, in sentences.
    """

    estimate: Any
    inputs: Any
    derivative: Any
    notes: tuple[str, ...]

    def __str__(self) -> str:
        inputs = jax.tree_util.tree_leaves_with_path(self.inputs)
        found = jax.tree.leaves(self.derivative, is_leaf=self._is_estimate)
        cells = [
            cell
            for (path, leaf), tree in zip(inputs, found, strict=True)
            if tree is not None
            for cell in _largest(path, np.shape(leaf), self.estimate, tree)
        ]
        cells = sorted(cells, key=lambda cell: -abs(cell[2]))[:_SHOWN]
        rows = [["of", "in", "derivative"]]
        rows += [[of, into, f"{value:.4g}"] for of, into, value in cells]
        title = f"derivatives of the estimates, the {len(cells)} largest"
        return "\n".join([title, *aligned(rows), *(f"note: {note}" for note in self.notes)])

    __repr__ = __str__

    def _is_estimate(self, tree: Any) -> bool:
        return tree is None or jax.tree.structure(tree) == jax.tree.structure(self.estimate)


def sensitivity(
    fit: Fit,
    data: Data,
    *,
    wrt: str = "prior",
    of: Quantity | None = None,
    prior: PriorOf | None = None,
    hyper: Any = None,
    weights: Any = None,
    lengths: Any = None,
) -> Sensitivity:
    """Derivatives of the mode in the data or the prior, by implicit differentiation; no refits.

    Each estimate takes one gradient.

    Args:
        fit: The fit.
        data: The rows, or sequences, that were fitted.
        wrt: "prior", or "data".
        of: A function from parameters, nested as declared, to arrays, written in JAX; the free
            parameters themselves if left out.
        prior: A function from hyper-parameters to a dictionary of priors, all or some of those that
            were declared. If left out, hyper-parameters are the arguments of the declared
            distributions by name, such as "weights.concentration".
        hyper: With ``prior``, the hyper-parameters of the fit, a pytree of numbers.
        weights: The weights that were fitted, (n,).
        lengths: For a chain, the steps of each sequence, (n,).

    Raises:
        DeclarationError: If these are not the data of the fit, if it is no mode, or if there is
            nothing to differentiate in.
    """
    check_fit(fit, "jaxem.sensitivity")
    if wrt not in ("prior", "data"):
        raise DeclarationError(f'wrt={wrt!r}; expected "prior" or "data".')
    errors, bound, _ = errors_at_mode(fit, data, of, weights, lengths)
    if wrt == "data" and bound.model is not fit.model:
        raise DeclarationError(
            "a program turns its arguments into rows, and the way back is not differentiated; "
            "declare a jaxem.Model to differentiate in the data."
        )
    surface = errors.surface
    values = surface.chart.values(bound.model, surface.chart.point)
    family = read_family(bound.model, values, fit.log_prior, prior, hyper)
    posterior = PosteriorFamily(bound.model, bound.sequences, family)
    inputs, rest = posterior.split(bound.rows, surface.units.weights, family.hyper)
    asked = inputs.hyper if wrt == "prior" else inputs.rows
    if not jax.tree.leaves(asked):
        raise DeclarationError(
            "no prior has arguments that could be read; give prior, a function of hyper-parameters."
            if wrt == "prior"
            else "the data hold no floats to differentiate in."
        )

    program = fit.compile(("sensitivity", wrt, posterior), _pulled(posterior, wrt))
    directions = jnp.asarray(errors.slopes @ errors.identified.inverse, surface.chart.base.dtype)
    found = program(surface.chart, inputs, rest, directions)
    return Sensitivity(
        estimate=errors.estimate,
        inputs=family.hyper if wrt == "prior" else as_arrays(data),
        derivative=_shaped(errors, found if wrt == "prior" else _as_given(bound, found)),
        notes=notes_of(errors),
    )


def _pulled(posterior: PosteriorFamily, wrt: str):
    """A function of a mode and of directions (m, d): mixed derivatives along each."""

    def all_of(chart: Chart, inputs: Inputs, rest: Data, directions: Array) -> Any:
        def density(u: Array, asked: Any) -> Array:
            values = chart.values(posterior.model, u)
            changed = inputs._replace(**{field: asked})
            return posterior.log_posterior(values, changed, rest)

        asked = getattr(inputs, field)
        return jax.lax.map(lambda v: pull(density, chart.point, asked, v), directions)

    field = "hyper" if wrt == "prior" else "rows"
    return all_of


def _as_given(bound: Bound, rows: Any) -> Any:
    """Derivatives in rows, leaves (m, N, ...), in the form of the data; zero past an end."""
    if bound.sequences is None:
        return rows
    exists = bound.sequences.exists

    def rectangle(leaf: Any) -> np.ndarray:
        out = np.zeros((len(leaf), *exists.shape, *leaf.shape[2:]))
        out[:, exists] = leaf
        return out

    return jax.tree.map(rectangle, rows)


def _shaped(errors: Errors, derivative: Any) -> Any:
    """From leaves (m, ...) to trees of estimates, leaves (*entry, ...)."""
    leaves, tree = jax.tree.flatten(errors.estimate)
    ends = np.cumsum([np.size(leaf) for leaf in leaves])[:-1]
    unknown = errors.identified.misses(errors.slopes)

    def one(table: Any) -> Any:
        table = np.array(table, float)
        table[unknown] = np.nan
        pieces = np.split(table, ends)
        shaped = [
            p.reshape((*np.shape(x), *table.shape[1:])) for p, x in zip(pieces, leaves, strict=True)
        ]
        return jax.tree.unflatten(tree, shaped)

    return jax.tree.map(one, derivative)


def _largest(path: Any, shape: tuple[int, ...], estimate: Any, found: Any):
    """Of the largest derivatives in one leaf: names of estimate and input, and the number."""
    label = jax.tree_util.keystr(path, simple=True, separator=".") or "data"
    leaves, rows = jax.tree.leaves(estimate), jax.tree.leaves(found)
    table = np.concatenate(
        [np.reshape(d, (np.size(e), -1)) for d, e in zip(rows, leaves, strict=True)]
    )
    size = -np.nan_to_num(np.abs(table)).ravel()
    most = min(_SHOWN, size.size) - 1
    names = tree_names(estimate)
    for place in np.argpartition(size, most)[: most + 1]:
        i, j = np.unravel_index(place, table.shape)
        where = ", ".join(map(str, np.unravel_index(j, shape)))
        yield names[i], f"{label}[{where}]" if where else label, float(table[i, j])
