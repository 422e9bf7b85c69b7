"""The influence of each row, or sequence, on a fit."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.derivatives.leaving import leave_out_function, third_function
from jaxem.derivatives.stationary import errors_at_mode, notes_of
from jaxem.errors import Errors
from jaxem.errors.surface import Quantity
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit
from jaxem.likelihood.chart import free_numbers
from jaxem.likelihood.units import in_line, make_source
from jaxem.numerics.tables import aligned
from jaxem.types import Data

#: Rows that a table shows.
_SHOWN = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Influence:
    """The influence of each row, or sequence, on the estimates; print it for the largest.

    Attributes:
        names: Every entry, such as "loc[0]", (m,), in the order of JAX's leaves.
        estimate: Estimates, nested as the parameters are, or in the form of the quantities.
        derivative: Derivatives of the estimates in the weight of each row, leaves (n, ...); NaN for
            rows of weight zero, and for estimates that are not identified. To first order, leaving
            a row out subtracts its weight times this.
        without: Estimates with each row left out, leaves (n, ...), by one step of Halley's method;
            NaN where there is no mode nearby.
        shift: Their distance from the estimates in standard errors, (n, m); NaN for entries that
            have none.
        displacement: The squared length of that step in the metric of the information, (n,): twice
            the nats that all other data and the row lose by it (Cook 1986), to second order.
        notes: Notes for the reader, in sentences.
    """

    names: tuple[str, ...]
    estimate: Any
    derivative: Any
    without: Any
    shift: np.ndarray
    displacement: np.ndarray
    notes: tuple[str, ...]

    def most_influential(self, count: int = _SHOWN) -> np.ndarray:
        """Indices of the rows that move the estimates most, the first most of all.

        Rows whose leaving leaves no mode nearby come before all others.
        """
        return np.argsort(-np.nan_to_num(self.displacement, nan=np.inf), kind="stable")[:count]

    def __str__(self) -> str:
        rows = [["row", "displacement", "largest shift", "of"]]
        for i in self.most_influential():
            if np.isnan(self.shift[i]).all():
                rows.append([str(i), f"{self.displacement[i]:.4g}", "-", "-"])
                continue
            largest = int(np.nanargmax(np.abs(self.shift[i])))
            shift = f"{self.shift[i, largest]:+.2f} se"
            rows.append([str(i), f"{self.displacement[i]:.4g}", shift, self.names[largest]])
        title = f"influence of {len(self.displacement)} rows: what leaving one out does"
        return "\n".join([title, *aligned(rows), *(f"note: {note}" for note in self.notes)])

    __repr__ = __str__


def influence(
    fit: Fit,
    data: Data,
    *,
    of: Quantity | None = None,
    weights: Any = None,
    lengths: Any = None,
) -> Influence:
    """The influence of each row, or sequence, on the mode, by implicit differentiation; no refits.

    Args:
        fit: The fit.
        data: The rows, or sequences, that were fitted.
        of: A function from parameters, nested as declared, to arrays, written in JAX; the free
            parameters themselves if left out.
        weights: The weights that were fitted, (n,).
        lengths: For a chain, the steps of each sequence, (n,).

    Returns:
        Derivatives in the weights, and the estimates without each row to one step of Halley's
        method.

    Raises:
        DeclarationError: If these are not the data of the fit, or it is no mode.
    """
    check_fit(fit, "jaxem.influence")
    errors, bound, given = errors_at_mode(fit, data, of, weights, lengths)
    surface, present = errors.surface, errors.surface.units.weights > 0
    unknown = errors.identified.misses(errors.slopes)
    derivative = np.where(present[:, None] & ~unknown, errors.influence(), np.nan)
    held = 1 + free_numbers(bound.model, {}) ** 2  # the Hessian of each unit is held
    program = fit.compile(("leave out", of), leave_out_function(bound.model, surface.of))
    root = jnp.asarray(errors.identified.root, surface.chart.base.dtype)
    third = fit.compile(("third",), third_function(bound.model))
    third = third(surface.chart, surface.units.source)
    found = program(surface.chart, make_source(bound, given, held), root, third)
    without, displacement = (np.asarray(leaf, float) for leaf in found)
    without = without.reshape(-1, without.shape[-1])[: len(present)]
    without = np.where(unknown, np.nan, without)
    estimate, se = surface.flat(errors.estimate), surface.flat(errors.se)
    usable = np.where(se > 0, se, np.nan)
    return Influence(
        names=errors.names,
        estimate=errors.estimate,
        derivative=_stacked(errors, derivative),
        without=_stacked(errors, without),
        shift=(without - estimate) / usable,
        displacement=in_line(displacement, len(present)),
        notes=(*notes_of(errors), *_lost(displacement.ravel()[: len(present)])),
    )


def _lost(displacement: np.ndarray) -> tuple[str, ...]:
    lost = np.flatnonzero(np.isnan(displacement))
    if not len(lost):
        return ()
    shown = ", ".join(map(str, lost[:8])) + (", ..." if len(lost) > 8 else "")
    return (f"without these rows, one at a time, there is no mode nearby: {shown}",)


def _stacked(errors: Errors, table: np.ndarray) -> Any:
    """Rows (n, m) in the form of the quantities, leaves (n, ...)."""
    leaves, tree = jax.tree.flatten(errors.estimate)
    ends = np.cumsum([np.size(leaf) for leaf in leaves])[:-1]
    pieces = np.split(table, ends, axis=1)
    shaped = [p.reshape(len(table), *np.shape(x)) for p, x in zip(pieces, leaves, strict=True)]
    return jax.tree.unflatten(tree, shaped)
