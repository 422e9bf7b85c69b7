"""Binding of a declaration to data: the model, its checked rows, and their sequences."""

import dataclasses
from typing import Any, Protocol

import numpy as np

from jaxem.latent import Markov, Tree
from jaxem.model.arrays import as_arrays
from jaxem.model.check import prepare_data, prepare_weights
from jaxem.model.model import Model
from jaxem.model.sequences import Sequences, read_sequences
from jaxem.numerics.forked import check_not_forked
from jaxem.numerics.rows import row_count
from jaxem.types import Data, DeclarationError


class Declaration(Protocol):
    """A model, or a program that becomes a model when it is bound to data."""

    def bind(self, data: Data) -> tuple[Model, Data]:
        """The model for these data, and its rows."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Bound:
    """A model with the rows and sequences of its data.

    Attributes:
        model: The model for the data.
        rows: Prepared rows, NumPy leaves; of chains, all steps, sequence after sequence.
        sequences: The sequences that the steps form, or None for independent rows.
    """

    model: Model
    rows: Data
    sequences: Sequences | None

    @property
    def starts(self) -> np.ndarray | None:
        """Which rows begin a sequence, (N,), or None for independent rows."""
        return None if self.sequences is None else self.sequences.starts

    def by_unit(self, weights: np.ndarray) -> np.ndarray:
        """Weights of rows, or of sequences, (n,), from those of all rows, (N,)."""
        return weights if self.sequences is None else weights[self.sequences.starts]

    def weigh(self, weights: Any) -> np.ndarray:
        """Weights of all rows, (N,), from the given weights of rows or of sequences."""
        if self.sequences is None:
            return prepare_weights(weights, row_count(self.rows), self.model)
        lengths = self.sequences.lengths
        given = prepare_weights(weights, len(lengths), self.model, lengths)
        return self.sequences.spread(given)


def bind_steps(model: Any, data: Data, lengths: Any = None) -> Bound:
    """The model that a declaration is for data, and its rows, checked.

    Args:
        model: A `Model`, or a program from `jaxem.from_numpyro`.
        data: Data in the form of the declaration; of chains, leaves (sequence, time, ...).
        lengths: For chains, the steps of each sequence, (n,); None if all have as many.

    Raises:
        DeclarationError: If it is no declaration, or the data do not fit it.
    """
    check_not_forked()
    if isinstance(model, type) or not hasattr(model, "bind"):
        raise DeclarationError(
            f"expected a jaxem.Model(log_joint, latent, prior) or a jaxem.from_numpyro(program) "
            f"first; got {_name_kind(model)}."
        )
    model, rows = model.bind(data)
    if isinstance(model.latent, Markov):
        arrays = as_arrays(rows)
        found = read_sequences(arrays, lengths)
        if isinstance(model.latent, Tree):
            _check_tree(model.latent, found, lengths)
        return Bound(model, prepare_data(found.unroll(arrays), found.name_step), found)
    if lengths is not None:
        raise DeclarationError(
            f"lengths are those of sequences; rows of {model.latent!r} are "
            f"independent. Leave lengths out, or declare latent=jaxem.Chain(...)."
        )
    return Bound(model, prepare_data(rows), None)


def _check_tree(tree: Tree, found: Sequences, lengths: Any) -> None:
    if lengths is not None:
        raise DeclarationError(
            "lengths are those of sequences, and every datum has the whole tree. Leave them out; a "
            "node that was not seen is told by a mask in the data."
        )
    if found.horizon != tree.nodes:
        raise DeclarationError(
            f"data has {found.horizon} nodes on its second axis, and the tree {tree.nodes}; "
            f"expected leaves (datum, node, ...), nodes in the order of parents."
        )


def _name_kind(given: Any) -> str:
    """What was given in place of a model, in a few words."""
    if isinstance(given, type):
        return f"the class {given.__name__}, not an object of it"
    words = repr(given)
    short = len(words) <= 60 and "\n" not in words
    return words if short else f"an object of type {type(given).__name__}"
