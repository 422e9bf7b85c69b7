"""Warnings and NaN for rows and sequences without a finite density at the parameters."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.model.binding import Bound
from jaxem.types import Array


def tell(bound: Bound, evidence: Any) -> np.ndarray:
    """Flags of rows or sequences without a finite log density, (n,), with one warning for all.

    Args:
        bound: The model and its rows.
        evidence: Log evidence of each row or sequence, (n,).
    """
    evidence = np.asarray(evidence)
    bad = ~np.isfinite(evidence)
    if bad.any():
        unit = "row" if bound.sequences is None else "sequence"
        first, count = int(bad.argmax()), int(bad.sum())
        value = evidence[first]
        why = "no latent state can make it" if value == -np.inf else f"log density {value}"
        warnings.warn(
            f"{count} of {len(bad)} {unit}s {'is' if count == 1 else 'are'} impossible at these "
            f"parameters, first {unit} {first} ({why}). What is read of such a {unit} is NaN, or "
            f"-1 in the place of a state.",
            stacklevel=5,
        )
    return bad


def blanked(found: Any, bad: Any) -> Any:
    """A pytree of arrays (n, ...) with NaN, or -1 in integers, for flagged rows.

    Args:
        found: The arrays.
        bad: Flags, of the shape of the leading axes of every leaf.
    """

    def blank(leaf: Any) -> Array:
        leaf = jnp.asarray(leaf)
        nothing = jnp.nan if jnp.issubdtype(leaf.dtype, jnp.floating) else -1
        where = jnp.asarray(bad).reshape(*np.shape(bad), *[1] * (leaf.ndim - np.ndim(bad)))
        return jnp.where(where, nothing, leaf).astype(leaf.dtype)

    return jax.tree.map(blank, found) if np.any(bad) else found
