"""A library of features of a row: the functions that make up common sufficient statistics.

The features that a log joint needs are found by regression: its sampled columns are regressed on
the whole library, and if they lie in its span, the features with nonzero coefficients are chosen.
The library holds a constant, the columns, their squares and products, logarithms and their squares,
reciprocals, cosines and sines, the levels of columns with few values, and log determinants.
"""

import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from jaxem.numerics.rows import flat_columns
from jaxem.types import Data

#: Kind, flat column (for a log determinant: leaf), and second column of a product or level.
Term = tuple[str, int, float]

_LEVELS = 512
_PRODUCTS = 1500
_DEPENDENT = 1e-6
_FOUND = 1e-11
_EXACT = 1e-13
_FEW = 64

_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "logarithm": lambda xp, x: xp.log(x),
    "squared logarithm": lambda xp, x: xp.log(x) ** 2,
    "logarithm of 1 - x": lambda xp, x: xp.log1p(-x),
    "reciprocal": lambda xp, x: 1 / x,
    "cosine": lambda xp, x: xp.cos(x),
    "sine": lambda xp, x: xp.sin(x),
}


class Features(eqx.Module):
    """Chosen features, a constant first; all but levels of columns are centred and scaled.

    Attributes:
        terms: The features after the constant, those of one kind adjacent.
        center: Mean of every flat column, (D,).
        spread: Standard deviation of every flat column, (D,).
        middle: Mean of each feature that is neither a column nor a product.
        width: Standard deviation of these features.
    """

    terms: tuple[Term, ...] = eqx.field(static=True)
    center: Any
    spread: Any
    middle: Any
    width: Any

    @classmethod
    def of(cls, terms: tuple[Term, ...], rows: Data) -> "Features":
        """These features, scaled by these rows (NumPy leaves)."""
        flat = _flat(rows, np.dtype(float), np)
        blank = cls(terms, flat.mean(0), _positive(flat.std(0)), np.zeros(0), np.ones(0))
        raw = [part for kind, part in blank._raw(rows, flat, np) if kind not in _OF_COLUMNS]
        raw = np.concatenate([flat[:, :0], *raw], 1)
        return cls(terms, blank.center, blank.spread, raw.mean(0), _positive(raw.std(0)))

    def __call__(self, rows: Data) -> Any:
        """Features of rows, (n, 1 + terms), in the dtype of the centres; NumPy or JAX."""
        xp = self.center.__array_namespace__()
        flat = _flat(rows, self.center.dtype, xp)
        parts, start = [xp.ones_like(flat[:, :1])], 0
        for kind, part in self._raw(rows, flat, xp):
            if kind not in _OF_COLUMNS:
                stop = start + part.shape[1]
                part = (part - self.middle[start:stop]) / self.width[start:stop]
                start = stop
            parts.append(part)
        return xp.concatenate(parts, axis=1)

    def _raw(self, rows: Data, flat: Any, xp: Any):
        scaled = (flat - self.center) / self.spread
        for kind, run in itertools.groupby(self.terms, key=lambda term: term[0]):
            _, columns, second = zip(*run, strict=True)
            if kind == "column":
                yield kind, _take(scaled, columns)
            elif kind == "product":
                yield kind, _take(scaled, columns) * _take(scaled, second)
            elif kind == "level":
                yield kind, xp.astype(_take(flat, columns) == np.asarray(second), flat.dtype)
            elif kind == "log determinant":
                leaves = jax.tree.leaves(rows)
                yield kind, xp.stack([xp.linalg.slogdet(leaves[i])[1] for i in columns], 1)
            else:
                yield kind, _FUNCTIONS[kind](xp, _take(flat, columns))

    def describe(self) -> str:
        """The features in words, such as "a constant, 3 columns, 6 products"."""
        words = ["a constant"]
        for kind, run in itertools.groupby(self.terms, key=lambda term: term[0]):
            count = len(list(run))
            words.append(f"{count} {kind if count == 1 else _PLURAL.get(kind, kind + 's')}")
        return ", ".join(words)


_OF_COLUMNS = ("column", "product")
_PLURAL = {"logarithm of 1 - x": "logarithms of 1 - x"}
_OF_POSITIVE = ("logarithm", "squared logarithm")


def choose_features(
    rows: Data, columns: np.ndarray, levels: dict[int, np.ndarray], rank: int
) -> tuple[Features, np.ndarray] | None:
    """The features of the library whose span holds the columns, as few as can be.

    Args:
        rows: Sample rows, NumPy leaves, s of them.
        columns: Standard columns of the log joint at these rows, (s, M).
        levels: Values of the flat columns that have few.
        rank: The dimension of their span.

    Returns:
        The features and their coefficients, (features, M); None if the library does not span them.
    """
    library = _library(rows, levels)
    orders = [library]
    if levels:  # a column with three levels is a line and a square, or two indicators
        orders.append(sorted(library, key=lambda term: term[0] != "level"))
    found = [_regress(rows, columns, tuple(terms), rank) for terms in orders]
    spanning = [f for f in found if f is not None]
    return min(reversed(spanning), key=lambda f: len(f[0].terms), default=None)


def few_levels(data: Data, sample: np.ndarray) -> dict[int, np.ndarray]:
    """For every flat column that has few distinct values, these values, the rarest first.

    Args:
        data: All rows, NumPy leaves.
        sample: Indices of some rows; only columns with few values among these are counted.
    """
    out = {}
    columns = [column for leaf in flat_columns(data) for column in leaf.T]
    for place, column in enumerate(columns):
        if len(np.unique(column[sample])) <= len(sample) // 3:
            values, counts = np.unique(column, return_counts=True)
            if 2 <= len(values) <= _LEVELS:
                out[place] = values[np.argsort(counts, kind="stable")].astype(float)
    return out


def library_size(data: Data, levels: dict[int, np.ndarray]) -> int:
    """An estimate of the number of features in the library."""
    width = sum(leaf.shape[1] for leaf in flat_columns(data))
    return width * (width + 15) // 2 + sum(map(len, levels.values()))


def _library(rows: Data, levels: dict[int, np.ndarray]) -> list[Term]:
    """Every feature that is finite on these rows, the simplest first.

    Levels come last: any function of a column with few values is a sum of them.
    """
    flat = _flat(rows, np.dtype(float), np)
    count = flat.shape[1]
    low, high = flat.min(0), flat.max(0)
    terms: list[Term] = [("column", i, 0) for i in range(count)]
    terms += [("product", i, i) for i in range(count)]
    if count * (count + 1) // 2 <= _PRODUCTS:
        terms += [("product", i, j) for i in range(count) for j in range(i + 1, count)]
    terms += [(kind, i, 0) for kind in _OF_POSITIVE for i in _which(low > 0)]
    terms += [("logarithm of 1 - x", i, 0) for i in _which((low > 0) & (high < 1))]
    terms += [("reciprocal", i, 0) for i in _which(np.all(flat != 0, axis=0))]
    angles = _which(np.maximum(-low, high) < 100)
    terms += [(kind, i, 0) for kind in ("cosine", "sine") for i in angles]
    square = [i for i, leaf in enumerate(jax.tree.leaves(rows)) if _holds_matrices(leaf)]
    terms += [("log determinant", i, 0) for i in square]
    return terms + [("level", i, float(v)) for i, values in levels.items() for v in values[:-1]]


def _regress(rows: Data, columns: np.ndarray, terms: tuple[Term, ...], rank: int):
    """Features with a coefficient, and the coefficients; None where the columns do not fit."""
    values = Features.of(terms, rows)(rows)
    kept = _independent(values)
    coefficients, residual = _fit(values[:, kept], columns)
    if not residual <= _FOUND:
        return None
    size = np.abs(coefficients).max(1)
    order = [k for _, k in sorted(zip(size, kept, strict=True)) if k]  # the constant stays
    used = _drop_few(values, columns, _drop_many(values, columns, order, residual), residual, rank)
    chosen = Features.of(tuple(terms[k - 1] for k in sorted(used)), rows)
    return chosen, _fit(chosen(rows), columns)[0]


def _fit(values: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, float]:
    """Least squares, and the largest residual."""
    coefficients, *_ = np.linalg.lstsq(values, columns, rcond=None)
    return coefficients, float(np.abs(values @ coefficients - columns).max())


def _without(values: np.ndarray, columns: np.ndarray, used: list[int], residual: float) -> bool:
    """Whether these features and the constant fit as well as the whole library."""
    return _fit(values[:, [0, *used]], columns)[1] <= max(10 * residual, _EXACT)


def _drop_many(values, columns, order: list[int], residual: float) -> list[int]:
    """Leave out as many features of the smallest coefficients as can go at once (bisection)."""
    low, high = 0, len(order)
    while low < high:
        middle = (low + high + 1) // 2
        fits = _without(values, columns, order[middle:], residual)
        low, high = (middle, high) if fits else (low, middle - 1)
    return order[low:]


def _drop_few(values, columns, used: list[int], residual: float, rank: int) -> list[int]:
    """Leave out one feature after another, if the rest fits, while there are more than the rank.

    On a short range x, its square, its logarithm and 1/x are nearly dependent, and rounding gives
    all of them a coefficient.
    """
    for k in list(used):
        if len(used) + 1 > rank and len(used) <= _FEW:
            fewer = [j for j in used if j != k]
            used = fewer if _without(values, columns, fewer, residual) else used
    return used


def _independent(values: np.ndarray) -> list[int]:
    """Columns that are not in the span of the columns before them (Gram and Schmidt, twice)."""
    basis = np.zeros((min(values.shape), len(values)))
    kept: list[int] = []
    for k, column in enumerate(values.T):
        size = np.linalg.norm(column)
        rest = column.copy()
        for _ in range(2):
            rest -= basis[: len(kept)].T @ (basis[: len(kept)] @ rest)
        norm = np.linalg.norm(rest)
        if np.isfinite(size) and norm > _DEPENDENT * size and len(kept) < len(basis):
            basis[len(kept)] = rest / norm
            kept.append(k)
    return kept


def _flat(rows: Data, dtype: Any, xp: Any) -> Any:
    return xp.concatenate([xp.astype(leaf, dtype) for leaf in flat_columns(rows)], axis=1)


def _take(matrix: Any, columns: tuple[Any, ...]) -> Any:
    """These columns of a matrix; the matrix itself if they are all."""
    if columns == tuple(range(matrix.shape[1])):
        return matrix
    return matrix[:, np.asarray(columns, int)]


def _which(flags: np.ndarray) -> list[int]:
    return np.flatnonzero(flags).tolist()


def _positive(spread: np.ndarray) -> np.ndarray:
    return np.where(spread > 0, spread, 1.0)


def _holds_matrices(leaf: np.ndarray) -> bool:
    if leaf.ndim != 3 or leaf.shape[1] != leaf.shape[2] or leaf.dtype.kind != "f":
        return False
    signs, logs = np.linalg.slogdet(leaf)
    return bool(np.all(signs > 0) and np.all(np.isfinite(logs)))


def change_of(features: Features, coefficients: np.ndarray, anchors: Data, rank: int) -> np.ndarray:
    """The matrix with features(x) @ change = A; A is the identity at the anchors."""
    directions = np.eye(rank)
    if len(coefficients) != rank:  # as for a spherical normal, which adds up squares
        directions = np.linalg.svd(coefficients, full_matrices=False)[0][:, :rank]
    square = features(anchors) @ directions
    inverse = np.linalg.solve(square, np.eye(rank))
    inverse += np.linalg.solve(square, np.eye(rank) - square @ inverse)
    return directions @ inverse
