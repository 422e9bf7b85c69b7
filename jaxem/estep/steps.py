r"""The E-step of chains, with a Q that is the one of independent rows.

Rows are steps; configurations are the K states of a first step and the K^2 pairs of a later one
(`latent.chain`). With the posterior of the state as responsibilities of a first step, and that of
the pair, :math:`\xi_t(a, b)`, as responsibilities of a later step, Q is a sum over rows and
configurations, and closed forms, anchors and Newton's method are those of any other model.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxem.estep.batch import Batch
from jaxem.estep.estep import EStep, Exact
from jaxem.estep.expectation import Expectation, Values, over_blocks
from jaxem.estep.order import Order, first_steps, later_steps
from jaxem.estep.source import Source
from jaxem.estep.windows import evidence_of_windows, weigh_sequences
from jaxem.latent import Chain
from jaxem.latent.links import Dense, Links, dense_links
from jaxem.model import Model
from jaxem.numerics.logspace import weighted
from jaxem.types import Array, Data


class Steps(Source):
    """The steps as they are: the log joint is evaluated at every step and configuration.

    Attributes:
        exists: Whether there is a step, (blocks, T size).
        size: Sequences of a block.
    """

    exists: Array
    size: int = eqx.field(static=True)

    def expect(
        self, model: Model, e_step: EStep, values: Values
    ) -> tuple[Array, Array, Expectation]:
        """See `Source`."""

        def block(totals, inputs):
            (total, counts), (rows, weights, exists, number) = totals, inputs
            table = model.table(values, rows)
            links = dense_links(table, later_steps(exists, self.size), model.latent.size)
            evidence, responsibilities = weigh_sequences(
                e_step.numbered(number), model.latent, links, weights[: self.size]
            )
            configurations = in_configurations(responsibilities)
            return (total + evidence, counts + configurations.sum(0)), configurations

        zero = jnp.zeros((), self.batch.weights.dtype)
        zeros = jnp.zeros(model.latent.configurations, self.batch.weights.dtype)
        (evidence, counts), kept = over_blocks(block, (zero, zeros), self.numbered)
        return evidence, counts, self.q(model, e_step, self.batch, values, counts, kept)

    @property
    def blocks(self) -> tuple[Any, ...]:
        """See `Source`."""
        return (*self.batch, self.exists)

    @property
    def rows(self) -> int:
        """See `Source`."""
        return self.exists.size


def evidence_of_steps(
    model: Model,
    e_step: EStep,
    values: Values,
    rows: Data,
    weights: Array,
    exists: Array,
    size: int,
    windows: int,
) -> Array:
    """The weighted evidence of a block of sequences, a scalar, by the log joint at every step.

    Args:
        model: The declared model.
        e_step: How posteriors are made.
        values: Parameters by dotted name.
        rows: Steps in the order of a block, leaves (T size, ...).
        weights: Their weights, (T size,).
        exists: Whether there is a step, (T size,).
        size: Sequences in the block.
        windows: Number of windows of time; `Exact` holds the table of one of them at a time.
    """
    states, valid = model.latent.size, later_steps(exists, size)

    def steps_of(rows):
        table = model.table(values, rows)[:, states:]
        return Dense(table.reshape(-1, size, states, states)), None

    start = model.table(values, first_steps(rows, size))[:, :states]
    if isinstance(e_step, Exact) and isinstance(model.latent, Chain):
        evidence = evidence_of_windows(model.latent, start, rows, valid, windows, steps_of)
    else:
        links = dense_links(model.table(values, rows), valid, states)
        evidence = e_step.posterior(model.latent, links)[0]
    return weighted(evidence, weights[:size]).sum()


def in_configurations(responsibilities: Links) -> Array:
    """Responsibilities by step and configuration, (T n, K + K^2), from dense posteriors."""
    assert isinstance(responsibilities.steps, Dense)
    states = responsibilities.start.shape[1]
    pairs = responsibilities.steps.factors.reshape(-1, states * states)
    start = jnp.pad(responsibilities.start, ((0, 0), (0, states * states)))
    return jnp.concatenate([start, jnp.pad(pairs, ((0, 0), (states, 0)))], 0)


def make_steps(data: Data, weights: np.ndarray, order: Order) -> Steps:
    """The source of steps in blocks.

    Args:
        data: All steps, sequence after sequence, NumPy leaves.
        weights: Their weights, (N,).
        order: The place of each step in the blocks.
    """
    return Steps(steps_batch(data, weights, order), jax.device_put(order.exists), order.size)


def steps_batch(data: Data, weights: np.ndarray, order: Order) -> Batch:
    """The batch of steps in an order, with weight zero where there is no step."""
    rows: Any = jax.device_put(order.rows(data))
    ordered = (weights[order.index] * order.exists).astype(weights.dtype)
    return Batch(rows, jax.device_put(ordered))
