"""The data for computations after a fit: its rows, or the anchors that the fit found.

A fit that stayed on the product path to its end has shown that the anchors are accurate.
"""

import numpy as np

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.merge import merge_rows
from jaxem.algebra.plan import Plan, replace_data
from jaxem.data.fit_data import FitData
from jaxem.estep.order import in_order
from jaxem.estep.source import Source
from jaxem.estep.steps import make_steps
from jaxem.model.binding import Bound
from jaxem.numerics.rows import row_count


def make_sources(
    plan: Plan | None, bound: Bound, weights: np.ndarray, points: int
) -> tuple[Source, Source | None]:
    """The rows, equal ones merged where that pays; and their anchors, or None.

    The steps of chains, whose order matters, are not merged.

    Args:
        plan: The plan of a fit to the same data, with its route; None if it had none.
        bound: Its model, and the rows.
        weights: Row weights, (n,).
        points: Points at which the density is evaluated at once.
    """
    if bound.sequences is not None:
        order = in_order(bound.sequences, bound.model.latent.configurations, points)
        return make_steps(bound.rows, weights, order), None
    merged, states = _merged(plan, bound, weights), bound.model.latent.size
    return merged.source("direct", states, points), _products(merged, states, points)


def make_replaced(plan: Plan | None, bound: Bound, weights: np.ndarray) -> Source | None:
    """The anchors of the rows, for one point at a time, or None; see `make_sources`."""
    if bound.sequences is not None:
        return None
    return _products(_merged(plan, bound, weights), bound.model.latent.size, 1)


def _products(merged: FitData, states: int, points: int) -> Source | None:
    refused = isinstance(merged.found, Refused)
    return None if refused else merged.source("product", states, points)


def _merged(plan: Plan | None, bound: Bound, weights: np.ndarray) -> FitData:
    """The rows, and the anchors of the fit where it ended with products."""
    model, data = bound.model, bound.rows
    rows, totals, _ = merge_rows(data, weights)
    if plan is None or plan.route is None or plan.route.path != "product" or plan.route.changes:
        found: Anchors | Refused = Refused("the fit did not end with products")
    else:
        found = replace_data(plan, model, rows)
    return FitData(rows, totals, row_count(data), found, "product")
