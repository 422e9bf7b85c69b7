r"""Independent units, rows or whole sequences, and their log evidence, the states summed out.

.. math:: \log p(x_i \mid \theta) = \log \sum_z e^{\log p(x_i, z \mid \theta)}

Rows are taken in blocks, and a block's table of log factors is recomputed for the derivative, so
that memory does not grow with N K.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.algebra.merge import merge_rows
from jaxem.estep.anchored import Anchored
from jaxem.estep.batch import block_size, make_batch
from jaxem.estep.expectation import over_blocks
from jaxem.estep.order import in_order
from jaxem.estep.source import Direct, Source
from jaxem.estep.steps import make_steps
from jaxem.likelihood.evidence import Values, factors, in_units
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.numerics.logspace import weighted
from jaxem.numerics.rows import row_count
from jaxem.types import Array


@dataclasses.dataclass(frozen=True, eq=False)
class Units:
    """Rows or sequences with their weights, the log joint evaluated at every one.

    Attributes:
        source: The data in blocks.
        weights: Weight of each unit, (n,).
        total: Sum of the weights; of chains, over all steps.
        replaced: Anchors that give the same evidence, or None.
    """

    source: Source
    weights: np.ndarray
    total: float
    replaced: Anchored | None = None

    @property
    def count(self) -> int:
        """Number of units, n, those of weight zero too."""
        return len(self.weights)


def make_units(bound: Bound, weights: np.ndarray, merge: bool, held: int = 1) -> Units:
    """The units of checked data.

    Args:
        bound: The model and its rows.
        weights: Weights of all rows, (N,), those of steps equal within a sequence.
        merge: Whether equal rows may be merged; if not, units are in the order of the data.
        held: Numbers in memory at once for each log factor.
    """
    total = float(weights.sum())
    if bound.sequences is not None:
        return Units(make_source(bound, weights, held), weights[bound.sequences.starts], total)
    rows, merged = merge_rows(bound.rows, weights)[:2] if merge else (bound.rows, weights)
    kept = dataclasses.replace(bound, rows=rows)
    return Units(make_source(kept, merged, held), merged, total)


def make_source(bound: Bound, weights: Any, held: int = 1) -> Source:
    """The rows in blocks, not merged; rows and weights may be traced.

    Args:
        bound: The model and its rows.
        weights: Weights of all rows, (N,), those of steps equal within a sequence.
        held: Numbers in memory at once for each log factor.
    """
    if bound.sequences is not None:
        order = in_order(bound.sequences, bound.model.latent.configurations, held)
        return make_steps(bound.rows, weights, order)
    size = block_size(row_count(bound.rows), bound.model.latent.size * held)
    return Direct(make_batch(bound.rows, weights, size), True)


def evidence(model: Model, values: Values, source: Source) -> Array:
    """Log evidence of each unit, in blocks, (blocks, size); differentiable.

    Args:
        model: The declared model.
        values: Parameters by dotted name.
        source: `Units.source`.
    """
    return _by_block(model, source, lambda inputs: factors(model, values, source, inputs))


def total_evidence(model: Model, values: Values, source: Source) -> Array:
    """Log evidence of all units, weighted, a scalar; differentiable.

    Args:
        model: The declared model.
        values: Parameters by dotted name.
        source: The rows, or their anchors (see `estep.anchored`): the table of log factors of a
            block is then a matrix product.
    """
    if not isinstance(source, Anchored) or not source.product:
        return weighted(evidence(model, values, source), unit_weights(source)).sum()
    eta = source.coefficients_of(model, values)
    found = _by_block(model, source, lambda block: source.features_of(block[0], block[2]) @ eta.T)
    return weighted(found, unit_weights(source)).sum() + source.beyond


def _by_block(model: Model, source: Source, factors_of: Callable[[Any], Any]) -> Array:
    def block(nothing, inputs):
        return nothing, model.latent.log_partition(factors_of(inputs))

    return over_blocks(block, jnp.zeros(()), source.blocks)[1]


def unit_weights(source: Source) -> Array:
    """Weights of the units, (blocks, size); zero for filler of the last block."""
    return in_units(source, source.batch.weights)


def in_line(per_unit: Any, count: int) -> np.ndarray:
    """Values of units in blocks, (..., blocks, size), in the order of the data, (..., n)."""
    found = np.asarray(per_unit, float)
    return found.reshape(*found.shape[:-2], -1)[..., :count]
