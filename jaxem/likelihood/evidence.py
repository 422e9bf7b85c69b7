r"""The evidence with the latent states summed out, as a differentiable function of the parameters.

.. math:: \log p(x_i \mid \theta) = \log \sum_z e^{\log p(x_i, z \mid \theta)}

Rows are taken in blocks and a block's table of log factors is made again for the derivative, so
that memory does not grow with N K. On replaced data (see `estep.anchored`) a block's table is a
matrix product.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.estep.anchored import Anchored
from jaxem.estep.batch import block_size, make_batch
from jaxem.estep.expectation import over_blocks
from jaxem.estep.order import later_steps
from jaxem.estep.source import Source
from jaxem.estep.steps import Steps
from jaxem.latent.links import dense_links
from jaxem.model import Model
from jaxem.numerics.logspace import weighted
from jaxem.numerics.rows import row_count
from jaxem.types import Array, Data, DeclarationError

Values = Mapping[str, Array]


def of_rows(model: Model, values: Values, rows: Data) -> Array:
    """Log evidence of each row, (n,).

    Args:
        model: The declared model.
        values: Parameters by dotted name.
        rows: A pytree of arrays with n rows, traced or not.
    """
    count = row_count(rows)
    size = block_size(count, model.latent.size)
    batch = make_batch(rows, np.ones(count, jnp.result_type(float)), size)

    def block(nothing, inputs):
        return nothing, model.latent.log_partition(model.table(values, inputs[0]))

    _, evidence = over_blocks(block, jnp.zeros(()), tuple(batch))
    return evidence.reshape(-1)[:count]


def of_source(model: Model, values: Values, source: Source) -> Array:
    """Log evidence of all rows, a scalar, from the rows or from what replaces them."""
    anchored = source if isinstance(source, Anchored) and source.product else None
    eta = None if anchored is None else anchored.coefficients_of(model, values)

    def block(total, inputs):
        if anchored is None or eta is None:
            here = factors(model, values, source, inputs)
        else:
            here = anchored.features_of(inputs[0], inputs[2]) @ eta.T
        evidence = model.latent.log_partition(here)
        return total + weighted(evidence, in_units(source, inputs[1])).sum(), None

    start = jnp.zeros((), source.batch.weights.dtype)
    total, _ = over_blocks(block, start, source.blocks)
    return total if anchored is None else total + anchored.beyond


def factors(model: Model, values: Values, source: Source, inputs: Any) -> Any:
    """What the latent structure takes, of one of `Source.blocks`."""
    table = model.table(values, inputs[0])
    if not isinstance(source, Steps):
        return table
    return dense_links(table, later_steps(inputs[2], source.size), model.latent.size)


def in_units(source: Source, weights: Array) -> Array:
    """Weights of units, rows or sequences, (..., size), from those of rows."""
    return weights[..., : source.size] if isinstance(source, Steps) else weights


def check_evidence(found: float, reported: float) -> None:
    """The same parameters on the same data have the same log likelihood.

    Args:
        found: Log likelihood of the parameters of a fit on some data.
        reported: Log likelihood that the fit reports.

    Raises:
        DeclarationError: If they differ by more than rounding.
    """
    eps = float(jnp.finfo(jnp.result_type(float)).eps)
    apart = abs(found - reported) if np.isfinite([found, reported]).all() else np.inf
    if not (found == reported or apart <= 1e-5 + 1e4 * eps * (1 + abs(reported))):
        raise DeclarationError(
            f"the log likelihood of fit.params on these data is {found:.6f}, and the fit reports "
            f"{reported:.6f}. Give the data and the weights that were fitted, or fit these first."
        )
