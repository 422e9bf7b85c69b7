r"""The expected log joint Q, that an E-step defines and an M-step raises.

.. math:: Q(\theta) = \sum_i w_i \sum_z r_{iz} \log p(x_i, z \mid \theta) + \log p(\theta)

The rows are those of the data; or a few anchors, with anchor weights in place of responsibilities,
and then Q is right up to a constant. A configuration of responsibility zero is left out, even where
its log joint is -inf. When the responsibilities of all rows are too many to keep, each evaluation
of Q computes them again, block by block, from the parameters of the E-step.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxem.estep.batch import Batch
from jaxem.estep.estep import EStep
from jaxem.model import Model
from jaxem.types import Array, Data

Values = Mapping[str, Array]


@dataclasses.dataclass(frozen=True)
class Expectation:
    """Q, as a function of parameters by dotted name.

    Attributes:
        model: The declared model.
        e_step: How responsibilities are made.
        batch: The rows, or the anchors.
        at: The parameters of the E-step.
        counts: Expected count of each configuration, (C,).
        kept: Responsibilities times row weights, (blocks, size, C), or None to compute them again;
            of anchors, the anchor weights, (1, r, C), which may be negative.
        spread: Spread of ordinary values of real parameters, by dotted name; a step of Newton's
            method in an M-step is at most a few times as long.
        rounding: Standard deviation of the rounding that matrix products leave in the evidence, in
            nats, a scalar; zero where the log joint is evaluated at every row.
    """

    model: Model
    e_step: EStep
    batch: Batch
    at: Values
    counts: Array
    kept: Array | None
    spread: Values
    rounding: Array | float = 0.0

    def at_one_row(self) -> "Expectation":
        """Q of the first row alone, with the expected counts as its responsibilities."""
        rows = jax.tree.map(lambda leaf: leaf[:1, :1], self.batch.rows)
        weights = jnp.ones((1, 1), self.batch.weights.dtype)
        kept = self.counts[None, None, :]
        return dataclasses.replace(self, batch=Batch(rows, weights), kept=kept)

    def __call__(self, values: Values) -> Array:
        """Q at these parameters, which should be interior."""

        def block(total, inputs):
            rows, weights, kept, number = inputs
            responsibilities = (
                self._responsibilities(rows, weights, number) if kept is None else kept
            )
            return total + self.model.expected(values, rows, responsibilities), None

        start = self.model.prior_density(values)
        return over_blocks(block, start, (*self.batch, self.kept, self._numbers))[0]

    def responsibilities(self) -> Array:
        """Responsibilities times row weights of all rows, (blocks * size, C)."""
        kept = self.kept
        if kept is None:
            blocks = (*self.batch, self._numbers)
            kept = jax.lax.map(lambda block: self._responsibilities(*block), blocks)
        return kept.reshape(-1, kept.shape[-1])

    @property
    def _numbers(self) -> Array:
        return jnp.arange(self.batch.weights.shape[0])

    def _responsibilities(self, rows: Data, weights: Array, number: Array) -> Array:
        table = self.model.table(self.at, rows)
        _, responsibilities = self.e_step.numbered(number).weigh(self.model.latent, table, weights)
        return jax.lax.stop_gradient(responsibilities)


def over_blocks(block, start, inputs):
    """A scan over blocks; a derivative computes the temporaries of a block again."""
    count = inputs[1].shape[0]
    if count == 1:
        total, out = block(start, jax.tree.map(lambda leaf: leaf[0], inputs))
        return total, jax.tree.map(lambda leaf: leaf[None], out)
    return jax.lax.scan(jax.checkpoint(block), start, inputs)  # pyright: ignore
