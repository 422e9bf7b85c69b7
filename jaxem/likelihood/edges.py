"""Moving of parameters off the boundary of their support, to start a sampler or a refit there.

From the boundary neither would move: such a parameter is mixed with an ordinary value, as if one
more, ordinary row had been observed.
"""

from collections.abc import Mapping

import numpy as np

from jaxem.model.prior import Parameter

#: The largest share of the ordinary value that a start is mixed with, however few rows there are.
_MOST = 1e-2


def step_inside(
    parameters: tuple[Parameter, ...],
    values: Mapping[str, np.ndarray],
    references: Mapping[str, np.ndarray],
    rows: int,
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Parameters off the boundary, and the names of those that were on it.

    Args:
        parameters: The parameters as declared.
        values: Parameters by dotted name.
        references: Ordinary values by dotted name.
        rows: Number of rows that were fitted.
    """
    share = min(_MOST, 1 / (1 + rows))
    out, moved = {}, []
    for p in parameters:
        value = np.asarray(values[p.name], float)
        reference = np.broadcast_to(np.asarray(references[p.name], float), value.shape)
        if (
            p.support.is_probability
        ):  # of a single state the reference may be on the boundary itself
            reference = (reference + np.asarray(p.center(), float)) / 2
        edge = p.support.together(p.support.at_edge(value, reference, share))
        out[p.name] = np.where(edge, (1 - share) * value + share * reference, value)
        if edge.any():
            moved.append(p.name)
    return out, tuple(moved)
