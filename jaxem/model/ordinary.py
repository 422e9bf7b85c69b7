"""Ordinary parameters, and the check that the log joint is a finite number there."""

import jax
import numpy as np

from jaxem.model.model import Model
from jaxem.numerics.rows import take_rows
from jaxem.types import Data, DeclarationError


def check_tables(tables: np.ndarray, rows: Data, count: int) -> None:
    """Check that every row has a finite log joint at ordinary parameters in some state.

    Args:
        tables: Log factors at a few ordinary parameters, (draws, n, K).
        rows: The n rows.
        count: The number of all rows.

    Raises:
        DeclarationError: With the first row that has none.
    """
    broken = np.isnan(tables).any(2).all(0)
    if broken.any():
        raise DeclarationError(
            f"log_joint is NaN at ordinary parameters, first for the row "
            f"{_row_words(rows, int(broken.argmax()))}. Look for a logarithm or root of a "
            f"negative number, or a value outside a distribution's domain."
        )
    impossible = (tables == -np.inf).all(2).all(0)
    if impossible.any():
        raise DeclarationError(
            f"log_joint is -inf under every latent state for {int(impossible.sum())} of "
            f"{count} rows, first for the row "
            f"{_row_words(rows, int(impossible.argmax()))}: an impossible observation. Is the "
            f"value outside the support of its distribution (categories are 0, 1, 2, ...), or "
            f"excluded in every state? Leave such rows out, or give them a state of their own."
        )
    infinite = (tables == np.inf).any(2)
    never = infinite.all(0) | ((~np.isfinite(tables)).all(2).all(0) & infinite.any(0))
    if never.any():
        raise DeclarationError(
            f"log_joint is +inf at ordinary parameters, first for the row "
            f"{_row_words(rows, int(never.argmax()))}: an infinite density, beside which nothing "
            f"else counts. Is the value on the edge of the support of its distribution, as a zero "
            f"under a gamma? Leave such rows out, or give them a state of their own."
        )


def ordinary_values(model: Model, draws: int) -> dict[str, np.ndarray]:
    """Ordinary parameters, stacked: first the centres of the supports, then values about them."""
    rng = np.random.default_rng(0)
    out = {}
    for p in model.parameters:
        values = np.broadcast_to(p.center(), (draws, *p.shape)).copy()
        if p.fixed is None and p.support.has_chart:
            noise = 0.5 * np.arange(draws).reshape(-1, *[1] * len(p.shape))
            values = p.from_real(p.to_real(values) + noise * rng.normal(size=values.shape))
        out[p.name] = values
    return out


def row_words(row: Data) -> str:
    """The contents of one row, shortened."""
    words = str(jax.tree.map(lambda leaf: np.asarray(leaf).tolist(), row))
    return words if len(words) <= 120 else words[:117] + "..."


def _row_words(rows: Data, index: int) -> str:
    return row_words(take_rows(rows, index))
