"""Log factors at given parameters and rows, in float64, from one compiled program."""

from collections.abc import Iterator

import jax
import numpy as np

from jaxem.algebra.probe import Values, widen
from jaxem.compiled.programs import Programs
from jaxem.model import Model
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data

#: Rows of a block, and numbers of its table where states are many.
_ROWS, _NUMBERS = 512, 2**25


class Tables:
    """Tables of log factors, in blocks of equally many rows, so that one shape is compiled.

    Args:
        model: The declared model.
        programs: The compiled programs of the model.
    """

    def __init__(self, model: Model, programs: Programs):
        self._model = model
        self._programs = programs

    @property
    def states(self) -> int:
        """The number of latent states, K, or of configurations."""
        return self._model.latent.configurations

    @property
    def size(self) -> int:
        """The number of rows of a block."""
        return max(1, min(_ROWS, _NUMBERS // self.states))

    def __call__(self, values: Values, rows: Data) -> np.ndarray:
        """Log factors (n, K) at all parameters by dotted name."""
        return np.concatenate(list(self.blocks(values, rows)))

    def prior(self, values: Values) -> float:
        """The log prior of all parameters by dotted name."""
        program = self._programs.compiled("log prior", self._model.prior_density)
        with jax.enable_x64(True):
            return float(program(self._given(values)))

    def _given(self, values: Values) -> dict[str, np.ndarray]:
        return {p.name: np.asarray(values[p.name], float) for p in self._model.parameters}

    def blocks(self, values: Values, rows: Data) -> Iterator[np.ndarray]:
        """Log factors in blocks of at most 512 rows."""
        count, size = row_count(rows), self.size
        program = self._programs.compiled("log joint", self._model.table)
        given = self._given(values)
        last, start = None, 0
        for start in range(0, count, size):
            index = np.minimum(np.arange(start, start + size), count - 1)
            block = widen(take_rows(rows, index))
            with jax.enable_x64(True):
                table = program(given, block)
            if last is not None:  # evaluated while the host prepared this block
                yield np.asarray(last)
            last = table
        if last is not None:
            yield np.asarray(last)[: count - start]
