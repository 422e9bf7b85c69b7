"""The compiled programs of a model for rows of one form, shared by all data sets of such rows."""

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

#: Numbers in the parameters of a model from which on gradients of Q without Hessian products have a
#: program of their own.
_LARGE = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Opened:
    """The compiled programs of a model for rows of one form.

    Attributes:
        model: The declared model.
        tables: The log joint in float64.
        kinks: The kinks of the log prior.
        programs: The compiled programs.
    """

    model: Model
    tables: Tables
    kinks: Kinks
    programs: Programs

    @classmethod
    def of(cls, model: Model, kinks: Kinks, identity: bytes | None) -> "Opened":
        """The programs of a model, none compiled yet; `identity` is their key on disk."""
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
        """Values and gradients of Q without Hessian products; None for small models."""
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
            DeclarationError: If an index is out of range, the log joint is NaN, or a row is
                impossible.
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
            log_factors = np.stack([self.tables(draw, suspects) for draw in draws])
            check_tables(log_factors, suspects, row_count(rows))
        some = take_rows(rows, np.arange(min(8, row_count(rows))))
        check_known_weights(self.model, draws[1], lambda values: self.tables(dict(values), some))

    def probe(self, data: Data, weights: np.ndarray) -> Probe:
        """Q and its derivatives on planning rows of these data."""
        rows = widen(planning_rows(data, weights, planning_size(self.model.free)))
        log_factors = np.stack([self.tables(draw, rows) for draw in self._draws()])
        return self.probe_on(rows, np.any(log_factors > -np.inf, axis=0))

    def probe_on(self, rows: Data, possible: np.ndarray) -> Probe:
        """Q and its derivatives on these rows, filled up to the number of planning rows.

        Args:
            rows: At most so many rows, floats in float64.
            possible: Which states each row can have, (n, K).
        """
        count, index = row_count(rows), np.arange(planning_size(self.model.free))
        filled = take_rows(rows, np.where(index < count, index, 0))
        possible = possible[np.minimum(index, count - 1)] & (index < count)[:, None]
        return Probe(self.model, filled, possible, count, self.compiled, self.slopes)

    def _draws(self) -> list[Values]:
        ordinary = ordinary_values(self.model, _DRAWS)
        return [{name: leaf[i] for name, leaf in ordinary.items()} for i in range(_DRAWS)]


def _is_broken(table: np.ndarray) -> np.ndarray:
    """Which rows have a log factor of NaN or +inf, or all of -inf, (n,)."""
    highest = table.max(1)  # NaN if any is
    return np.isnan(highest) | np.isinf(highest)


def fingerprint(data: Data) -> bytes:
    """A digest of the numbers in a pytree of NumPy arrays."""
    digest = hashlib.blake2b(digest_size=16)
    for leaf in jax.tree.leaves(data):
        digest.update(np.ascontiguousarray(leaf).data)
    return digest.digest()
