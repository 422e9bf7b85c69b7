r"""Anchors: a few rows of the data, from whose log joint that of every other row follows.

If, over all parameters and states, the log joint as a function of the row lies in a space of finite
dimension r (every exponential family, every finite sample space, and more), then r rows
:math:`a_1 \dots a_r` and coefficients that no parameter enters give it at every other row,

.. math:: f_k(x_i; \theta) - h(x_i) = \sum_j A_{ij} \, [ f_k(a_j; \theta) - h(a_j) ] ,

with h the log joint at one reference parameter and state. The table of all rows is then a matrix
product, and the expected log joint is exactly a signed sum over anchors,

.. math:: Q(\theta) = \sum_{jk} \omega_{jk} f_k(a_j; \theta) + \text{const}, \qquad
          \omega = A^\top R .

Nothing of this is assumed. The rank is found from sampled tables (`rank`), and the identity is then
checked at new parameter draws on *every* row; rows that break it join the sample, and after five
rounds the data are not replaced. A comes from a library of features where they span the space
(`features`), else from the random tables themselves.
"""

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np

from jaxem.algebra.extremes import extreme_rows
from jaxem.algebra.features import Features, change_of, choose_features, few_levels, library_size
from jaxem.algebra.probe import Values
from jaxem.algebra.rank import Rank, Standard, find_rank
from jaxem.algebra.tables import Tables
from jaxem.model.ordinary import row_words
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data

_FEWEST_ROWS = 64
_SAMPLE = 400
_LARGEST_RANK = 1024
_FIRST_DRAWS = 8
_PROOFS = 3
_ROUNDS = 5
_EXACT = 1e-9
_STORED = 2**28


@dataclasses.dataclass(frozen=True, eq=False)
class Anchors:
    """Anchors of a data set, and the coefficients A that give every row from them.

    Attributes:
        rows: The anchors, a pytree of NumPy arrays with r rows.
        reference: h at the anchors, the log joint at the reference parameters, (r,).
        references: h at every row, (n,).
        features: Features of a row with A = features(x) @ change; None if A is stored.
        change: Change of basis from features to anchors, (features, r); the identity if A is
            stored.
        stored: A itself, (n, r), where the library has no such features; else None.
        rank: The rank, with its pivots.
        draws: Number of parameter draws from which the rank was found.
        rounds: Rounds of proof on all rows.
        error: Largest error in the proof, in standard deviations of a column.
        amplification: Largest sum of absolute coefficients of a row (Lebesgue's constant): the
            most by which rounding at the anchors is multiplied.
    """

    rows: Data
    reference: np.ndarray
    references: np.ndarray
    features: Features | None
    change: np.ndarray
    stored: np.ndarray | None
    rank: Rank
    draws: int
    rounds: int
    error: float
    amplification: float

    @property
    def count(self) -> int:
        """The number of anchors, r."""
        return len(self.reference)

    def describe(self) -> str:
        """The source of A, in words."""
        if self.features is None:
            return "coefficients from the log joint at random parameters, stored for every row"
        return self.features.describe()

    def at(self, rows: np.ndarray | slice) -> "Anchors":
        """The same anchors of these rows of the data."""
        stored = None if self.stored is None else self.stored[rows]
        return dataclasses.replace(self, references=self.references[rows], stored=stored)

    def coefficients(self, data: Data, index: np.ndarray) -> np.ndarray:
        """A at these rows of the data, (len(index), r)."""
        if self.features is None:
            assert self.stored is not None
            return self.stored[index]
        return self.features(take_rows(data, index)) @ self.change


@dataclasses.dataclass(frozen=True)
class Refused:
    """The reason why a data set has no anchors."""

    reason: str


def find_anchors(
    tables: Tables, draw: Callable[[], Values], reference_values: Values, data: Data
) -> Anchors | Refused:
    """Look for anchors, and prove them on all rows.

    Args:
        tables: The log joint at parameters and rows.
        draw: Draws ordinary parameters for the data.
        reference_values: The reference parameters.
        data: All rows, NumPy leaves; none of weight zero.

    Returns:
        The anchors, or why there are none.
    """
    count = row_count(data)
    if count < _FEWEST_ROWS:
        return Refused(f"{count} rows are too few to be worth replacing")
    search = _Search(tables, draw, reference_values, data)
    for round_ in range(1, _ROUNDS + 1):
        rank = search.rank()
        if isinstance(rank, Refused):
            return rank
        if 4 * rank.value > count:
            return Refused(f"the rank, {rank.value}, is more than a quarter of the {count} rows")
        found = search.find_fit_data(rank)
        if isinstance(found, Refused):
            return found
        bad, error, amplification = search.prove(found)
        if not bad.any():
            return dataclasses.replace(
                found, rounds=round_, error=error, amplification=amplification
            )
        if round_ > 1 and bad.mean() > 0.2:
            return Refused(f"{bad.sum()} rows lie outside the space that the others span")
        search.add(bad)
    return Refused(f"rows outside the space were still found after {_ROUNDS} rounds")


class _Search:
    """Growing samples of rows and of parameter draws, with the log joint at both, cached."""

    def __init__(
        self, tables: Tables, draw: Callable[[], Values], reference_values: Values, data: Data
    ):
        self._tables, self._draw, self._data = tables, draw, data
        self._rng = np.random.default_rng(0)
        count = row_count(data)
        random = self._rng.permutation(count)[:_SAMPLE]
        self._levels = few_levels(data, random)
        self._largest = min(_LARGEST_RANK, max(64, 2 * library_size(data, self._levels)))
        self._sample = np.union1d(random, extreme_rows(data, self._levels))
        self._cache: dict[int, tuple[Values, np.ndarray, np.ndarray]] = {}
        self._draws = self._finite_draws(_FIRST_DRAWS)
        self._proofs = self._finite_draws(_PROOFS)
        self._references = np.concatenate([t[:, 0] for t in tables.blocks(reference_values, data)])

    def rank(self) -> Rank | Refused:
        """The rank; draws and rows are added until half of the draws give the same."""
        while True:
            columns = self._columns(self._draws, self._sample)
            broken = ~np.all(np.isfinite(columns), axis=1)
            if broken.any():
                row = take_rows(self._data, self._sample[broken.argmax()])
                return Refused(
                    f"the log joint is -inf, or not a number, for some rows and states, as for the "
                    f"row {row_words(row)}"
                )
            half = columns[:, : columns.shape[1] // 2]
            fewer, rank = (find_rank(Standard.of(c)(c)) for c in (half, columns))
            if rank.clear and fewer.clear and fewer.value == rank.value:
                if half.shape[1] >= 1.25 * rank.value + 4:
                    return rank
            elif rank.gap == 0 and 4 * rank.value > row_count(self._data):
                return Refused(
                    f"the rank, at least {rank.value}, is more than a quarter of the "
                    f"{row_count(self._data)} rows"
                )
            elif rank.decays:
                return Refused(
                    f"no finite rank: the pivots decay to {rank.last:.0e} without a gap "
                    f"(a member of no exponential family, such as a Student-t)"
                )
            if columns.shape[1] >= 2.5 * self._largest + 8 or rank.value > self._largest:
                return Refused(f"the rank is above {self._largest}, or not finite")
            if not self._grow(columns.shape):
                return Refused("the rank grows with every parameter draw: none is finite")

    def _grow(self, shape: tuple[int, int]) -> bool:
        """Double the draws, and the rows if there are fewer than two a column."""
        rows, count = shape[0], row_count(self._data)
        self._draws += self._finite_draws(len(self._draws))
        if 2 * shape[1] > rows:
            if rows == count and shape[1] > 3 * rows:
                return False
            more = self._rng.permutation(count)[: 2 * rows]
            self._sample = np.union1d(self._sample, more)
        return True

    def find_fit_data(self, rank: Rank) -> Anchors | Refused:
        """Anchors from the pivots, with A."""
        sample, anchors = self._sample, self._sample[rank.order[: rank.value]]
        columns = self._columns(self._draws, sample)
        standard = Standard.of(columns)
        z = standard(columns)
        chosen = choose_features(take_rows(self._data, sample), z, self._levels, rank.value)
        features, stored, change = None, None, np.eye(rank.value)
        if chosen is not None:
            features, coefficients = chosen
            change = change_of(features, coefficients, take_rows(self._data, anchors), rank.value)
        elif 8 * row_count(self._data) * rank.value > _STORED:
            return Refused(
                f"rank {rank.value}, but not of known features, and coefficients for every row "
                f"would take {8e-6 * row_count(self._data) * rank.value:.0f} MB"
            )
        else:
            stored = self._stored(rank, anchors)
        return Anchors(
            rows=take_rows(self._data, anchors),
            reference=self._references[anchors],
            references=self._references,
            features=features,
            change=change,
            stored=stored,
            rank=rank,
            draws=len(self._draws),
            rounds=0,
            error=np.inf,
            amplification=np.inf,
        )

    def prove(self, found: Anchors) -> tuple[np.ndarray, float, float]:
        """Which rows break the identity at new draws, the largest error, and the amplification."""
        bad = np.zeros(row_count(self._data), bool)
        error, amplification, start = 0.0, 0.0, 0
        at_anchors = [self._tables(p, found.rows) - found.reference[:, None] for p in self._proofs]
        columns = self._columns(self._proofs, self._sample)
        spread = np.split(columns.std(0) + 1e-300, len(self._proofs))
        for tables in zip(*(self._tables.blocks(p, self._data) for p in self._proofs), strict=True):
            rows = np.arange(start, start + len(tables[0]))
            start += len(rows)
            c = found.coefficients(self._data, rows)
            amplification = max(amplification, float(np.abs(c).sum(1).max()))
            for table, anchor, unit in zip(tables, at_anchors, spread, strict=True):
                direct = table - self._references[rows][:, None]
                difference = np.abs(c @ anchor - direct) / unit
                bad[rows] |= ~np.all(difference <= _EXACT, axis=1)
                error = max(error, float(difference.max()))
        return bad, error, amplification

    def add(self, bad: np.ndarray) -> None:
        """Put rows that break the identity into the sample, and two more draws."""
        worst = self._rng.permutation(np.flatnonzero(bad))[:100]
        self._sample = np.union1d(self._sample, worst)
        self._draws += self._finite_draws(2)

    def _finite_draws(self, count: int) -> list[Values]:
        """Parameter draws at which the log joint is not NaN on the sample."""
        tried = (self._draw() for _ in range(4 * count))
        finite = (v for v in tried if not np.isnan(self._table(v, self._sample)).any())
        return list(itertools.islice(finite, count)) or [self._draw()]

    def _columns(self, draws: list[Values], index: np.ndarray) -> np.ndarray:
        tables = [self._table(values, index) for values in draws]
        return np.concatenate(tables, 1) - self._references[index][:, None]

    def _table(self, values: Values, index: np.ndarray) -> np.ndarray:
        """Log factors of rows at a draw, cached by draw and row."""
        if len(index) > len(self._sample):
            return self._tables(values, take_rows(self._data, index))
        none = np.zeros(0, int), np.zeros((0, self._tables.states))
        _, known, table = self._cache.get(id(values), (values, *none))
        missing = np.setdiff1d(index, known)
        if len(missing):
            more = self._tables(values, take_rows(self._data, missing))
            order = np.argsort(np.concatenate([known, missing]))
            known = np.concatenate([known, missing])[order]
            table = np.concatenate([table, more])[order]
            self._cache[id(values)] = values, known, table
        return table[np.searchsorted(known, index)]

    def _stored(self, rank: Rank, anchors: np.ndarray) -> np.ndarray:
        """A of all rows, from the tables of as few draws as determine it."""
        states = self._tables.states
        draws = self._draws[: -(-int(1.25 * rank.value + 4) // states)]
        columns = self._columns(draws, np.arange(row_count(self._data)))
        z = Standard.of(columns)(columns)
        return z @ np.linalg.pinv(z[anchors])
