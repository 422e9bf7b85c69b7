"""The log joint at chosen parameters on chosen rows, in float64: one small compiled program."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from jaxem.algebra.probe import Values, widen
from jaxem.model import Model
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data

_BLOCK = 512


class Tables:
    """Tables of log factors, block after block of 512 rows, so that one shape is compiled.

    Args:
        model: The declared model.
        program: Its `table`, compiled.
    """

    def __init__(self, model: Model, program: Callable[..., Any]):
        self._model = model
        self._program = program

    @property
    def states(self) -> int:
        """The number of latent states, K, or of cells."""
        return self._model.latent.cells

    def __call__(self, values: Values, rows: Data) -> np.ndarray:
        """Log factors (n, K) at all parameters by dotted name."""
        return np.concatenate(list(self.blocks(values, rows)))

    def blocks(self, values: Values, rows: Data) -> Iterator[np.ndarray]:
        """The same, in pieces of at most 512 rows."""
        count = row_count(rows)
        given = {p.name: np.asarray(values[p.name], float) for p in self._model.parameters}
        for start in range(0, count, _BLOCK):
            index = np.arange(start, start + _BLOCK)
            block = widen(take_rows(rows, np.where(index < count, index, 0)))
            with jax.enable_x64(True):
                table = np.asarray(self._program(given, block))
            yield table[: count - start]
