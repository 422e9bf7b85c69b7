"""The data of a posterior: its rows, or the sufficient statistics that the fit found.

A fit that ran on replaced data to its end has shown that the replacement holds along its way; a
sampler goes elsewhere. So what it draws is looked at afterwards: the log joint is evaluated at
every row for a few of the draws, and where the replacement was wrong the work is done again.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.merge import merge_rows
from jaxem.algebra.plan import replace_data
from jaxem.estep.order import in_order
from jaxem.estep.source import Source
from jaxem.estep.steps import make_steps
from jaxem.fitting import Fit
from jaxem.fitting.path import Ways
from jaxem.likelihood.evidence import Values, of_source
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.numerics.plain import plain
from jaxem.numerics.rows import row_count
from jaxem.types import Array

#: Draws that are looked at.
_LOOKS = 8

#: Nats that nobody notices in a posterior.
_HARMLESS = 1e-3


def make_sources(
    fit: Fit, bound: Bound, weights: np.ndarray, lanes: int
) -> tuple[Source, Source | None]:
    """The rows, equal ones merged where that pays; and what replaces them, if anything does.

    The steps of chains, whose order matters, are taken as they are.

    Args:
        fit: The fit, on the same data.
        bound: Its model, and the rows.
        weights: Row weights, (n,).
        lanes: Points at which the density is evaluated at once.
    """
    model, data = bound.model, bound.rows
    if bound.sequences is not None:
        order = in_order(bound.sequences, model.latent.cells, lanes)
        return make_steps(data, weights, order), None
    rows, totals = merge_rows(data, weights)
    plan = fit.plan
    if plan is None or plan.route is None or plan.route.path != "product" or plan.route.changes:
        found: Anchors | Refused = Refused("the fit did not end with products")
    else:
        found = replace_data(plan, model, rows)
    ways = Ways(rows, totals, row_count(data), found, "product")
    direct = ways.source("direct", model.latent.size, lanes)
    if isinstance(found, Refused):
        return direct, None
    return direct, ways.source("product", model.latent.size, lanes)


class Evidence:
    """The log evidence of all rows at given parameters, compiled."""

    def __init__(self, model: Model):
        self._program = jax.jit(plain(lambda values, source: of_source(model, values, source)))

    def __call__(self, values: Values, source: Source) -> float:
        """One number, at parameters by dotted name."""
        return float(self._program(dict(values), source))

    def agree(self, draws: dict[str, Array], one: Source, exact: Source) -> bool:
        """Whether two sources give the same evidence at a few draws, leaves (draws, ...)."""
        count = len(next(iter(draws.values())))
        eps = float(jnp.finfo(exact.batch.weights.dtype).eps)
        for k in np.unique(np.linspace(0, count - 1, min(_LOOKS, count)).astype(int)):
            values = {name: leaf[k] for name, leaf in draws.items()}
            right = self(values, exact)
            if not abs(self(values, one) - right) <= _HARMLESS + 100 * eps * (1 + abs(right)):
                return False
        return True
