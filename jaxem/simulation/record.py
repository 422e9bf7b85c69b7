"""Simulated data sets, in the form of the data that they were simulated for."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from jaxem.model.binding import Bound, bind_steps
from jaxem.types import Data, DeclarationError


@dataclasses.dataclass(frozen=True, eq=False)
class Simulation:
    """Data sets drawn from a model; ``simulation[i]`` is one of them, ready to be fitted.

    Attributes:
        data: In the form of the data, leaves (draws, n, ...); of a chain (draws, n, T, ...), with
            zeros past an end. Leaves that are no arrays are unchanged.
        latents: The hidden states that the data were drawn with: of a declared model in the
            structure of its declaration, (draws, n) or (draws, n, T), -1 past an end; of a program
            by site, (draws, ...) and the shape of the site. None where they were not drawn.
        lengths: Of a chain, the steps of each sequence, (n,).
    """

    data: Data
    latents: Any
    lengths: np.ndarray | None

    def __len__(self) -> int:
        return next(len(leaf) for leaf in jax.tree.leaves(self.data) if _is_array(leaf))

    def __getitem__(self, index: int) -> Data:
        if not -len(self) <= index < len(self):
            raise IndexError(f"data set {index} of {len(self)}")
        return jax.tree.map(lambda leaf: leaf[index] if _is_array(leaf) else leaf, self.data)

    def __iter__(self) -> Iterator[Data]:
        return (self[i] for i in range(len(self)))

    def rows(self, model: Any) -> tuple[Bound, Data]:
        """The data sets as rows of a model.

        Args:
            model: A declared model, or a program.

        Returns:
            The first data set bound to the model; and the rows of all, leaves (draws, N, ...).

        Raises:
            DeclarationError: If they are not data of the model.
        """
        bounds = [bind_steps(model, one, self.lengths) for one in self]
        return bounds[0], jax.tree.map(lambda *rows: np.stack(rows), *(b.rows for b in bounds))

    def __repr__(self) -> str:
        return f"Simulation of {len(self)} data sets"


def as_drawn(new: np.ndarray, old: np.ndarray, name: str) -> np.ndarray:
    """Draws converted to the type of the data.

    Raises:
        DeclarationError: If they would lose digits, or are NaN or infinite.
    """
    if new.dtype.kind == "f" and old.dtype.kind != "f":
        raise DeclarationError(
            f"what is drawn for {name} is {new.dtype}, and the data are {old.dtype}: fractions "
            f"would be lost. Draw integers; or fit data.astype(float), if they are measurements."
        )
    if new.dtype.kind == "f" and not np.isfinite(new).all():
        raise DeclarationError(
            f"what is drawn for {name} is NaN or infinite in {int((~np.isfinite(new)).sum())} of "
            f"{new.size} entries. Is a root taken of a negative number, or a variance given for a "
            f"standard deviation?"
        )
    return new.astype(old.dtype)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray)
