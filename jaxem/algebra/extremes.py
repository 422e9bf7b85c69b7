"""Rows with extreme, rarest or commonest values, at which functions of the row differ most."""

import numpy as np

from jaxem.numerics.rows import flat_columns
from jaxem.types import Data

_MOST = 256


def extreme_rows(data: Data, levels: dict[int, np.ndarray]) -> np.ndarray:
    """Rows that hold an extreme of some column, or one of its rarest or commonest values."""
    found: list[int] = []
    columns = [column for leaf in flat_columns(data) for column in leaf.T]
    for place, column in enumerate(columns):
        found += [int(column.argmin()), int(column.argmax())]
        if place in levels:
            values, first = np.unique(column, return_index=True)
            where = dict(zip(values.astype(float), first, strict=True))
            ends = [*levels[place][: _MOST // 2], *levels[place][-_MOST // 2 :]]
            found += [int(where[v]) for v in ends]
    return np.asarray(list(dict.fromkeys(found))[: 2 * _MOST], int)
