"""The data of what follows a fit: its rows, or the sufficient statistics that the fit found.

A fit that ran on replaced data to its end has shown that the replacement holds along its way.
"""

import numpy as np

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.merge import merge_rows
from jaxem.algebra.plan import Plan, replace_data
from jaxem.estep.order import in_order
from jaxem.estep.source import Source
from jaxem.estep.steps import make_steps
from jaxem.fitting.path import Ways
from jaxem.model.binding import Bound
from jaxem.numerics.rows import row_count


def make_sources(
    plan: Plan | None, bound: Bound, weights: np.ndarray, lanes: int
) -> tuple[Source, Source | None]:
    """The rows, equal ones merged where that pays; and what replaces them, if anything does.

    The steps of chains, whose order matters, are taken as they are.

    Args:
        plan: The plan of a fit to the same data, with the way that it went; None if it had none.
        bound: Its model, and the rows.
        weights: Row weights, (n,).
        lanes: Points at which the density is evaluated at once.
    """
    model, data = bound.model, bound.rows
    if bound.sequences is not None:
        order = in_order(bound.sequences, model.latent.cells, lanes)
        return make_steps(data, weights, order), None
    rows, totals = merge_rows(data, weights)
    if plan is None or plan.route is None or plan.route.path != "product" or plan.route.changes:
        found: Anchors | Refused = Refused("the fit did not end with products")
    else:
        found = replace_data(plan, model, rows)
    ways = Ways(rows, totals, row_count(data), found, "product")
    direct = ways.source("direct", model.latent.size, lanes)
    if isinstance(found, Refused):
        return direct, None
    return direct, ways.source("product", model.latent.size, lanes)
