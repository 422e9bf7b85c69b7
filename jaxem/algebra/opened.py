"""A model opened for rows of one form: what is compiled once, for every data set of such rows."""

import dataclasses
import hashlib

import jax
import numpy as np

from jaxem.algebra.kinks import Kinks
from jaxem.algebra.penalty import Penalty
from jaxem.algebra.probe import Compiled, Probe, Values, derivatives, widen
from jaxem.algebra.rows import planning_rows, planning_size
from jaxem.algebra.tables import Tables
from jaxem.compiled.programs import Programs
from jaxem.model import Model
from jaxem.model.indices import check_indices
from jaxem.model.known_weights import check_known_weights
from jaxem.model.ordinary import check_tables, ordinary_values
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data

_DRAWS = 3

#: Numbers in the parameters of a model of which a question without second derivatives has a program
#: of its own.
_LARGE = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Opened:
    """Compiled programs that ask a model about rows.

    Attributes:
        model: The declared model.
        tables: The log joint in float64.
        kinks: Where the log prior has kinks.
        programs: What was compiled for it.
    """

    model: Model
    tables: Tables
    kinks: Kinks
    programs: Programs

    @classmethod
    def of(cls, model: Model, kinks: Kinks, identity: bytes | None) -> "Opened":
        """A model with nothing compiled yet, and the identity of its programs."""
        programs = Programs(identity)
        return cls(model, Tables(model, programs), kinks, programs)

    @property
    def compiled(self) -> Compiled:
        """Values and derivatives of Q on planning rows."""
        with jax.enable_x64(True):
            derived = derivatives(self.model, Penalty(self.model, self.kinks.centres))
        return self.programs.compiled("expected log joint", derived, brief=True)

    @property
    def slopes(self) -> Compiled | None:
        """The same without second derivatives, for models that are large enough."""
        if sum(int(np.prod(p.shape)) for p in self.model.free) < _LARGE:
            return None
        with jax.enable_x64(True):
            penalty = Penalty(self.model, self.kinks.centres)
            derived = derivatives(self.model, penalty, products=False)
        return self.programs.compiled("slopes of the expected log joint", derived, brief=True)

    def check(self, data: Data, weights: np.ndarray, starts: np.ndarray | None) -> None:
        """Check every row of positive weight at ordinary parameters.

        Args:
            data: A pytree of NumPy arrays with n rows.
            weights: Row weights, shape (n,).
            starts: For steps of sequences, which of them begin one, (n,).

        Raises:
            DeclarationError: If an index is out of range, the log joint is no number, or a row
                is impossible.
        """
        present = np.flatnonzero(np.asarray(weights) > 0)
        rows = take_rows(data, present)
        check_indices(self.model, rows, starts if starts is None else starts[present])
        draws = self._draws()
        broken = np.flatnonzero(
            np.concatenate([_is_broken(table) for table in self.tables.blocks(draws[0], rows)])
        )
        if len(broken):
            suspects = take_rows(rows, broken)
            looked = np.stack([self.tables(draw, suspects) for draw in draws])
            check_tables(looked, suspects, row_count(rows))
        some = take_rows(rows, np.arange(min(8, row_count(rows))))
        check_known_weights(self.model, draws[1], lambda values: self.tables(dict(values), some))

    def probe(self, data: Data, weights: np.ndarray) -> Probe:
        """The window onto Q on planning rows of these data, as many places whatever the data."""
        rows = widen(planning_rows(data, weights, planning_size(self.model.free)))
        looked = np.stack([self.tables(draw, rows) for draw in self._draws()])
        return self.window(rows, np.any(looked > -np.inf, axis=0))

    def window(self, rows: Data, possible: np.ndarray) -> Probe:
        """The window onto Q on these rows, filled up to the number of planning rows.

        Args:
            rows: At most so many rows, floats in float64.
            possible: Which states each can have, (n, K).
        """
        count, places = row_count(rows), np.arange(planning_size(self.model.free))
        filled = take_rows(rows, np.where(places < count, places, 0))
        possible = possible[np.minimum(places, count - 1)] & (places < count)[:, None]
        return Probe(self.model, filled, possible, count, self.compiled, self.slopes)

    def _draws(self) -> list[Values]:
        ordinary = ordinary_values(self.model, _DRAWS)
        return [{name: leaf[i] for name, leaf in ordinary.items()} for i in range(_DRAWS)]


def _is_broken(table: np.ndarray) -> np.ndarray:
    """Rows at which a log factor is no number, or none is possible, (n,)."""
    highest = table.max(1)  # NaN if any is
    return np.isnan(highest) | np.isinf(highest)


def fingerprint(data: Data) -> bytes:
    """A digest of the numbers in a pytree of NumPy arrays."""
    digest = hashlib.blake2b(digest_size=16)
    for leaf in jax.tree.leaves(data):
        digest.update(np.ascontiguousarray(leaf).data)
    return digest.digest()
