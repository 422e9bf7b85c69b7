"""The data of a posterior: its rows, or the sufficient statistics that the fit found.

A fit that ran on replaced data to its end has shown that the replacement holds along its way; a
sampler goes elsewhere. So what it draws is looked at afterwards: the log joint is evaluated at
every row for a few of the draws, and where the replacement was wrong the work is done again.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.anchors import Refused
from jaxem.algebra.merge import merge_rows
from jaxem.algebra.plan import replace_data
from jaxem.estep.anchored import Anchored, make_anchored
from jaxem.estep.batch import block_size, make_batch
from jaxem.estep.source import Direct, Source
from jaxem.fitting import Fit
from jaxem.model import Model
from jaxem.numerics.plain import plain
from jaxem.numerics.rows import row_count
from jaxem.posterior.evidence import Values, of_source
from jaxem.types import Array, Data

#: Draws that are looked at.
_LOOKS = 8

#: Nats that nobody notices in a posterior.
_HARMLESS = 1e-3


def make_sources(
    fit: Fit, model: Model, data: Data, weights: np.ndarray, lanes: int
) -> tuple[Direct, Anchored | None]:
    """The rows, equal ones merged where that pays; and what replaces them, if anything does.

    Args:
        fit: The fit, on the same data.
        model: Its model.
        data: Prepared rows.
        weights: Row weights, (n,).
        lanes: Points at which the density is evaluated at once.
    """
    rows, totals = merge_rows(data, weights)
    count, states = row_count(rows), model.latent.size * lanes
    direct = Direct(make_batch(rows, totals, block_size(count, states)), keep=False)
    plan = fit.plan
    if plan is None or plan.route is None or plan.route.path != "product" or plan.route.changes:
        return direct, None
    found = replace_data(plan, model, rows)
    if isinstance(found, Refused):
        return direct, None
    size = block_size(count, states + found.change.shape[0], products=True)
    return direct, make_anchored(found, rows, totals, size, product=True)


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
