r"""Covariances of the estimates in free coordinates: three estimates of the same matrix.

With I the observed information and s_i the score of unit i,

* *information*, :math:`I^{-1}`;
* *outer*, :math:`(\sum_i w_i s_i s_i^\top + P)^{-1}`, P the curvature of the prior in these
  coordinates (Berndt, Hall, Hall and Hausman 1974);
* *sandwich*, :math:`I^{-1} (\sum_i w_i s_i s_i^\top) I^{-1}`, which stays right where the model is
  wrong (Huber 1967; White 1982), and with scores summed within clusters where units depend on one
  another (Liang and Zeger 1986), with no small-sample factor.

Scores are centred; with a prior they do not sum to zero at the mode. A weight counts a unit as so
many equal ones. If it is a sampling weight instead, let each unit be a cluster of its own:
then it is squared, as it should be.
"""

from typing import Any

import numpy as np

from jaxem.types import DeclarationError

KINDS = ("information", "sandwich", "outer")


def spread_of_scores(
    scores: np.ndarray, weights: np.ndarray, groups: np.ndarray | None
) -> np.ndarray:
    """The covariance of the sum of the scores, (d, d).

    Args:
        scores: One a unit, (n, d).
        weights: Weights of the units, (n,).
        groups: Cluster of each unit, integers (n,), or None if they are independent.
    """
    centred = scores - weights @ scores / weights.sum()
    if groups is None:
        return (centred * weights[:, None]).T @ centred
    sums = np.zeros((groups.max() + 1, scores.shape[1]))
    np.add.at(sums, groups, centred * weights[:, None])
    return sums.T @ sums


def read_clusters(clusters: Any, kind: str, count: int) -> np.ndarray | None:
    """Clusters as integers from 0, (n,), checked.

    Raises:
        DeclarationError: If they do not belong to the units, or the kind has no use for them.
    """
    if clusters is None:
        return None
    if kind == "information":
        raise DeclarationError(
            'clusters matter to the scores alone; give kind="sandwich" with them.'
        )
    given = np.asarray(clusters)
    if given.shape != (count,):
        raise DeclarationError(
            f"clusters has shape {given.shape}; expected ({count},), one label a unit of the data."
        )
    return np.unique(given, return_inverse=True)[1].ravel()
