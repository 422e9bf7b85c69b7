r"""The E-step of chains on replaced data.

Where the joint of a step splits into g(a, b) + v(b, x) (`algebra.factorise`), no table of pairs is
made. With the first anchor :math:`x_0`, and for every state b its best predecessor a*,

.. math:: f(a, b, x) = [f(a, b, x_0) - f(a^*, b, x_0)] + f(a^*, b, x),

so that log factors are one matrix and a product of features; and Q has the weights
:math:`\sum_t \xi_t(a, b)` on the pairs of :math:`x_0`, less their column sums on (a*, b), and
:math:`\gamma_t(b)`, collected on the anchors, on (a*, b).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.anchors import Anchors
from jaxem.estep.anchored import Anchored, anchor_fields
from jaxem.estep.estep import EStep
from jaxem.estep.expectation import Expectation, Values, over_blocks
from jaxem.estep.order import Order, later_steps
from jaxem.estep.source import Source
from jaxem.estep.steps import in_cells, steps_batch, weigh_sequences
from jaxem.latent.links import Links, Split, dense_links
from jaxem.model import Model
from jaxem.types import Array, Data


class AnchoredSteps(Anchored):
    """Steps through their features, or through stored coefficients.

    Attributes:
        exists: Whether there is a step, (blocks, T size).
        size: Sequences a block.
        split: Whether the joint was proved to split; log factors are then products.
    """

    exists: Array
    size: int = eqx.field(static=True)
    split: bool = eqx.field(static=True)

    def expect(
        self, model: Model, e_step: EStep, values: Values
    ) -> tuple[Array, Array, Expectation]:
        """See `Source`."""
        summed = self._split(model, e_step, values) if self.split and self.product else None
        evidence, counts, shares = summed or self._dense(model, e_step, values)
        if self.product:
            evidence = evidence + self.beyond
        q = Expectation(model, e_step, self.anchors, values, counts, shares[None])
        return evidence, counts, q

    @property
    def blocks(self) -> tuple[Any, ...]:
        """See `Source`."""
        return (*self.batch, self.coefficients, self.exists)

    @property
    def rows(self) -> int:
        """See `Source`."""
        return self.exists.size

    def _dense(self, model: Model, e_step: EStep, values: Values):
        """Evidence, counts and anchors' weights, by way of all pairs of every step."""
        eta = self.coefficients_of(model, values) if self.product else None

        def block(totals, inputs):
            (total, counts, sums), (rows, weights, stored, exists) = totals, inputs
            t = self.features_of(rows, stored)
            table = model.table(values, rows) if eta is None else t @ eta.T
            links = dense_links(table, later_steps(exists, self.size), model.latent.size)
            evidence, shares = weigh_sequences(model, e_step, links, weights[: self.size])
            cells = in_cells(shares)
            return (total + evidence, counts + cells.sum(0), sums + cells.T @ t), None

        cells, width, dtype = model.latent.cells, self.change.shape[0], self.change.dtype
        start = (jnp.zeros((), dtype), jnp.zeros(cells, dtype), jnp.zeros((cells, width), dtype))
        (evidence, counts, sums), _ = over_blocks(block, start, self.blocks)
        return evidence, counts, self._shares(sums, counts)

    def _split(self, model: Model, e_step: EStep, values: Values):
        """The same without a table of pairs."""
        states = model.latent.size
        at_anchors = self.at_anchors(model, values)
        pairs = (at_anchors[0] + self.reference[0])[states:].reshape(states, states)
        best = jnp.argmax(pairs, axis=0)
        transition = _without_floor(pairs - jnp.max(pairs, axis=0))
        own = states + best * states + jnp.arange(states)
        eta = (self.change @ at_anchors[:, jnp.concatenate([jnp.arange(states), own])]).T

        def block(totals, inputs):
            (total, begun, entered, sums, pairs), (rows, weights, stored, exists) = totals, inputs
            t = self.features_of(rows, stored)
            first, later = t[: self.size], t[self.size :]
            valid = later_steps(exists, self.size)
            emission = (later @ eta[states:].T).reshape(*valid.shape, states)
            links = Links(first @ eta[:states].T, Split(transition, emission), valid)
            evidence, shares = weigh_sequences(model, e_step, links, weights[: self.size])
            assert isinstance(shares.steps, Split)
            gamma = shares.steps.emission.reshape(-1, states)
            begun = begun + shares.start.sum(0)
            entered = entered + gamma.sum(0)
            more = jnp.concatenate([shares.start.T @ first, gamma.T @ later], 0)
            pairs = pairs + shares.steps.transition.sum(0)
            return (total + evidence, begun, entered, sums + more, pairs), None

        dtype = self.change.dtype
        none = jnp.zeros(states, dtype)
        start = (
            jnp.zeros((), dtype),
            none,
            none,
            jnp.zeros((2 * states, self.change.shape[0]), dtype),
            jnp.zeros((states, states), dtype),
        )
        (evidence, begun, entered, sums, pairs), _ = over_blocks(block, start, self.blocks)
        at = self._shares(sums, jnp.concatenate([begun, entered]))
        shares = jnp.zeros((len(self.reference), model.latent.cells), dtype)
        shares = shares.at[:, :states].set(at[:, :states]).at[:, own].add(at[:, states:])
        shares = shares.at[0, states:].add(pairs.ravel()).at[0, own].add(-pairs.sum(0))
        return evidence, jnp.concatenate([begun, pairs.ravel()]), shares


def make_anchored_steps(
    found: Anchors, data: Data, weights: np.ndarray, order: Order, product: bool, split: bool
) -> Source:
    """Replaced steps, in the precision of the weights.

    Args:
        found: The anchors of these data.
        data: All steps, sequence after sequence, NumPy leaves.
        weights: Their weights, (N,).
        order: Which step goes where.
        product: See `Anchored`.
        split: See `AnchoredSteps`.
    """
    stored = None if found.stored is None else found.stored[order.index]
    return AnchoredSteps(
        batch=steps_batch(data, weights, order),
        coefficients=None if stored is None else jnp.asarray(stored, weights.dtype),
        **anchor_fields(found, weights),
        product=product,
        exists=jnp.asarray(order.exists),
        size=order.size,
        split=split,
    )


def _without_floor(logs: Array) -> Array:
    """Log probabilities, with what stands for zero in floored parameters put back to zero."""
    least = -600.0 if logs.dtype == jnp.float64 else -80.0
    return jnp.where(logs < least, -jnp.inf, logs)
