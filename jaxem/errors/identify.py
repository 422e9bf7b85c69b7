"""Directions of an information matrix with positive, zero and negative curvature."""

import dataclasses

import numpy as np

from jaxem.numerics.symmetric import spectrum

#: Coefficients of a combination below this share of the largest are left out of a sentence.
_MENTIONED = 0.05

_MOST = 6


@dataclasses.dataclass(frozen=True, eq=False)
class Identified:
    """A symmetric matrix of information taken apart.

    Attributes:
        root: A root of its inverse on the k directions that it identifies, (d, k).
        flat: Directions without curvature, (d, k), one a column.
        upward: Directions of negative information, (d, k).
        scale: Ordinary sizes of the coordinates, (d,).
    """

    root: np.ndarray
    flat: np.ndarray
    upward: np.ndarray
    scale: np.ndarray

    @property
    def inverse(self) -> np.ndarray:
        """The inverse on the directions that are identified, (d, d)."""
        return self.root @ self.root.T

    def misses(self, slopes: np.ndarray) -> np.ndarray:
        """Whether each quantity changes along a direction without curvature, (m,).

        Args:
            slopes: Jacobian of the quantities, (m, d).
        """
        if not self.flat.shape[1]:
            return np.zeros(len(slopes), bool)
        moved = np.linalg.norm(slopes @ self.flat, axis=1)
        most = np.linalg.norm(slopes * self.scale, axis=1)
        return moved > 1e-3 * most


def identify(information: np.ndarray, precision: float) -> Identified:
    """Take an information matrix apart.

    Args:
        information: Shape (d, d).
        precision: Rounding of one of its entries, relative to the diagonal.
    """
    values, directions, scale = spectrum(information)
    limit = np.sqrt(precision) * max(np.abs(values).max(initial=0.0), 1e-300)
    flat, upward = np.abs(values) <= limit, values < -limit
    good = ~flat & ~upward
    root = directions[:, good] / np.sqrt(values[good])
    return Identified(root, directions[:, flat], directions[:, upward], 1 / scale)


def combination(direction: np.ndarray, names: tuple[str, ...]) -> str:
    """A direction in words: which coordinates move together, the largest first."""
    share = direction / np.abs(direction).max()
    share = share * np.sign(share[np.abs(share).argmax()])
    order = np.argsort(-np.abs(share), kind="stable")
    told = [i for i in order if abs(share[i]) >= _MENTIONED]
    words = [f"{share[i]:+.2g} {names[i]}" for i in told[:_MOST]]
    more = f" and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return ", ".join(words) + more
