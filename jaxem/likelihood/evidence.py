"""Log factors and weights of the units of a block, and a check of the evidence that they give."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxem.estep.order import later_steps
from jaxem.estep.source import Source
from jaxem.estep.steps import Steps
from jaxem.latent.links import dense_links
from jaxem.model import Model
from jaxem.types import Array, DeclarationError

Values = Mapping[str, Array]


def factors(model: Model, values: Values, source: Source, inputs: Any) -> Any:
    """The log factors of one of `Source.blocks`, in the form that the latent structure takes."""
    table = model.table(values, inputs[0])
    if not isinstance(source, Steps):
        return table
    return dense_links(table, later_steps(inputs[2], source.size), model.latent.size)


def in_units(source: Source, weights: Array) -> Array:
    """Weights of units, rows or sequences, (..., size), from those of rows."""
    return weights[..., : source.size] if isinstance(source, Steps) else weights


def check_evidence(found: float, reported: float) -> None:
    """Check that the log likelihood of a fit's parameters is the one that the fit reports.

    Args:
        found: Log likelihood of the parameters of a fit on some data.
        reported: Log likelihood that the fit reports.

    Raises:
        DeclarationError: If they differ by more than rounding.
    """
    eps = float(jnp.finfo(jnp.result_type(float)).eps)
    difference = abs(found - reported) if np.isfinite([found, reported]).all() else np.inf
    if not (found == reported or difference <= 1e-5 + 1e4 * eps * (1 + abs(reported))):
        raise DeclarationError(
            f"the log likelihood of fit.params on these data is {found:.6f}, and the fit reports "
            f"{reported:.6f}. Give the data and the weights that were fitted, or fit these first."
        )
