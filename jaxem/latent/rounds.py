"""The order of recursions on a tree: rounds of nodes whose parents are in earlier rounds.

Nodes of equal depth are independent given their parents. Their number differs from depth to depth,
but arrays are rectangles: so each depth is cut into rounds of at most the mean width, and no tree,
however unbalanced, needs more than twice its nodes in cells, or twice its depth in rounds.
"""

from typing import NamedTuple

import numpy as np


class Rounds(NamedTuple):
    """Nodes by round, from the root on; cells without a node hold the number of nodes, N.

    Attributes:
        nodes: Shape (R, W).
        parents: The parents of these nodes, (R, W); N in cells without a node.
        links: The index of each node among the N - 1 nodes after the root; 0 without a node.
        places: The cell of each node after the root, as an index of (R W,); (N - 1,).
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
    is_node = nodes < count
    flat = np.flatnonzero(is_node)
    places = np.empty(count - 1, int)
    places[nodes.ravel()[flat] - 1] = flat
    return Rounds(
        nodes=nodes,
        parents=np.where(is_node, above[np.where(is_node, nodes, 0)], count),
        links=np.where(is_node, nodes - 1, 0),
        places=places,
    )
