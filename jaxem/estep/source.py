"""The source of log factors: the rows of the data, or what replaces them; and the Q of these."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from jaxem.estep.batch import Batch
from jaxem.estep.estep import EStep
from jaxem.estep.expectation import Expectation, Values, over_blocks
from jaxem.model import Model
from jaxem.numerics.logspace import weighted
from jaxem.types import Array


class Source(eqx.Module):
    """The data of a compiled program, as rows or as what replaces them.

    Attributes:
        batch: The rows, in blocks.
        parts: Number of minibatches, of equally many blocks each.
        spread: Spread of ordinary values of real parameters, by dotted name; empty where no M-step
            is made.
    """

    batch: Batch
    spread: Values = eqx.field(default_factory=dict, kw_only=True)
    parts: int = eqx.field(static=True, default=1, kw_only=True)

    @abc.abstractmethod
    def expect(
        self, model: Model, e_step: EStep, values: Values
    ) -> tuple[Array, Array, Expectation]:
        """The E-step.

        Args:
            model: The declared model.
            e_step: How responsibilities are made.
            values: Parameters by dotted name.

        Returns:
            The sum of the weighted log evidence, a scalar; the expected count of each
            configuration, (C,); and Q.
        """

    @property
    def blocks(self) -> tuple[Any, ...]:
        """All arrays that are cut into blocks, leaves (blocks, ...)."""
        return tuple(self.batch)

    @property
    def numbered(self) -> tuple[Any, ...]:
        """The blocks, and their numbers, (blocks,)."""
        return (*self.blocks, jnp.arange(self.batch.weights.shape[0]))

    def head(self) -> "Source":
        """The source of the first block alone, to be timed."""
        first = jax.tree.map(lambda leaf: leaf[:1], self.blocks)
        return eqx.tree_at(lambda s: s.blocks, self, first, is_leaf=lambda leaf: leaf is None)

    def part(self, index: int | Array) -> "Source":
        """The source of a minibatch, its weights multiplied by the number of minibatches."""
        count = self.batch.weights.shape[0] // self.parts

        def cut(leaf: Array) -> Array:
            return jax.lax.dynamic_slice_in_dim(leaf, index * count, count)

        chosen = jax.tree.map(cut, self.blocks)
        one = eqx.tree_at(lambda s: s.blocks, self, chosen, is_leaf=lambda leaf: leaf is None)
        return eqx.tree_at(lambda s: s.batch.weights, one, self.parts * one.batch.weights)

    def q(
        self,
        model: Model,
        e_step: EStep,
        batch: Batch,
        values: Values,
        counts: Array,
        kept: Array | None,
    ) -> Expectation:
        """Q on rows or anchors, from expected counts and responsibilities; see `Expectation`."""
        return Expectation(model, e_step, batch, values, counts, kept, self.spread)

    @property
    def rows(self) -> int:
        """Number of rows that the objective sums over."""
        return self.batch.weights.size


class Direct(Source):
    """The rows as they are: the log joint is evaluated at every row.

    Attributes:
        keep: Whether Q keeps the responsibilities of all rows.
    """

    keep: bool = eqx.field(static=True)

    def expect(
        self, model: Model, e_step: EStep, values: Values
    ) -> tuple[Array, Array, Expectation]:
        """See `Source`."""

        def block(totals, inputs):
            (total, counts), (rows, weights, number) = totals, inputs
            table = model.table(values, rows)
            evidence, responsibilities = weigh(model, e_step.numbered(number), table, weights)
            return (
                total + evidence,
                counts + responsibilities.sum(0),
            ), responsibilities if self.keep else None

        zero = jnp.zeros((), self.batch.weights.dtype)
        zeros = jnp.zeros(model.latent.configurations, self.batch.weights.dtype)
        (evidence, counts), kept = over_blocks(block, (zero, zeros), self.numbered)
        return evidence, counts, self.q(model, e_step, self.batch, values, counts, kept)


def weigh(
    model: Model, e_step: EStep, table: Array, weights: Array, axis: int = -1
) -> tuple[Array, Array]:
    """The weighted evidence of a block, a scalar, and its weighted responsibilities, as the table.

    A row of weight zero is left out, even where its evidence is -inf.

    Args:
        model: The declared model.
        e_step: How responsibilities are made.
        table: Log factors of rows and states, a matrix.
        weights: Row weights, (n,).
        axis: The axis of the states: -1 for a table (n, K), 0 for (K, n).
    """
    evidence, responsibilities = e_step.weigh(model.latent, table, weights, axis)
    return weighted(evidence, weights).sum(), responsibilities
