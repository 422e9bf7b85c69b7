"""The order in which a tree is gone through: rounds of nodes whose parents are done.

Nodes of equal depth may be taken together. Their number differs from depth to depth, and arrays
are rectangles: so each depth is cut into rounds of at most the mean width, and no tree, however
lopsided, costs more than twice its nodes in places, or twice its depth in rounds.
"""

from typing import NamedTuple

import numpy as np


class Rounds(NamedTuple):
    """Nodes by round, from the root on; places without a node hold the number of nodes, N.

    Attributes:
        nodes: Shape (R, W).
        parents: Theirs, (R, W); also N where there is no node.
        links: The row of each node among the N - 1 nodes after the root; 0 where there is none.
        places: Where each of these stands in a flat (R W,), (N - 1,).
    """

    nodes: np.ndarray
    parents: np.ndarray
    links: np.ndarray
    places: np.ndarray


def in_rounds(parents: tuple[int, ...]) -> Rounds:
    """The rounds of a tree.

    Args:
        parents: The parent of each node, which comes before it; -1 for the root, node 0.
    """
    above, count = np.asarray(parents), len(parents)
    depth = np.zeros(count, int)
    for node in range(1, count):
        depth[node] = depth[above[node]] + 1
    width = -(-(count - 1) // max(1, depth.max()))
    rounds = [
        level[start : start + width]
        for level in (np.flatnonzero(depth == d) for d in range(1, depth.max() + 1))
        for start in range(0, len(level), width)
    ]
    nodes = np.full((len(rounds), width), count)
    for row, members in zip(nodes, rounds, strict=True):
        row[: len(members)] = members
    there = nodes < count
    flat = np.flatnonzero(there)
    places = np.empty(count - 1, int)
    places[nodes.ravel()[flat] - 1] = flat
    return Rounds(
        nodes=nodes,
        parents=np.where(there, above[np.where(there, nodes, 0)], count),
        links=np.where(there, nodes - 1, 0),
        places=places,
    )
