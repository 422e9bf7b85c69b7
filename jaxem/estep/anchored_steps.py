r"""The E-step of chains on replaced data.

Where the log joint f of a step splits into g(a, b) + v(b, x), a the state before and b the state
(`algebra.factorise`), no table of pairs is made. With the first anchor :math:`x_0`, and for every
state b its most probable predecessor :math:`a^*`,

.. math:: f(a, b, x) = [f(a, b, x_0) - f(a^*, b, x_0)] + f(a^*, b, x),

so that log factors are one matrix of transitions and a product of features. With the posteriors
:math:`\xi_t(a, b)` of pairs and :math:`\gamma_t(b)` of states, Q has the weights
:math:`\sum_t \xi_t(a, b)` on the pairs at :math:`x_0`, less their column sums on
:math:`(a^*, b)`; and on the pairs :math:`(a^*, b)` at the anchors the weights that the
:math:`\gamma_t(b)` sum up to.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.anchors import Anchors
from jaxem.estep.anchored import Anchored, anchor_fields
from jaxem.estep.estep import EStep, Exact
from jaxem.estep.expectation import Expectation, Values, over_blocks
from jaxem.estep.order import Order, first_steps, later_steps
from jaxem.estep.source import Source
from jaxem.estep.steps import steps_batch
from jaxem.estep.windows import weigh_windows
from jaxem.latent import Chain
from jaxem.latent.links import Dense, Split
from jaxem.latent.products import Products, posterior_sums
from jaxem.model import Model
from jaxem.numerics.logspace import weighted
from jaxem.types import Array, Data

#: Logarithms below these stand for zero, in double and in single precision: `Parameter.floored`
#: gives parameters that are zero the logarithms -691 and -85.
_LOG_ZERO, _LOG_ZERO_SINGLE = -600.0, -80.0


class AnchoredSteps(Anchored):
    """Steps through their features, or through stored coefficients.

    Attributes:
        exists: Whether there is a step, (blocks, T size).
        size: Sequences of a block.
        windows: Windows of time that a block is cut into.
        split: Whether the log joint was proved to split.
    """

    exists: Array
    size: int = eqx.field(static=True)
    windows: int = eqx.field(static=True)
    split: bool = eqx.field(static=True)

    def expect(
        self, model: Model, e_step: EStep, values: Values
    ) -> tuple[Array, Array, Expectation]:
        """See `Source`."""
        summed = self._split(model, e_step, values) if self.split and self.product else None
        sums = summed or self._dense(model, e_step, values)
        at_anchors = self.at_anchors(model, values) if self.product else None
        return self._expectation(model, e_step, values, *sums, at_anchors)

    @property
    def blocks(self) -> tuple[Any, ...]:
        """See `Source`."""
        return (*self.batch, self.stored, self.exists)

    @property
    def rows(self) -> int:
        """See `Source`."""
        return self.exists.size

    def _dense(self, model: Model, e_step: EStep, values: Values):
        """Evidence, expected counts (C,) and anchor weights (r, C), from tables of pairs."""
        states = model.latent.size
        eta_t = self.coefficients_of(model, values) if self.product else None

        def table_of(rows):
            t = self.features_of(*rows)
            return t, model.table(values, rows[0]) if eta_t is None else t @ eta_t.T

        def steps_of(rows):
            t, table = table_of(rows)
            return Dense(table[:, states:].reshape(-1, self.size, states, states)), t

        def collect(totals, steps, t):
            counts, sums = totals
            pairs = steps.factors.reshape(-1, states * states)
            return counts + pairs.sum(0), sums + pairs.T @ t

        def block(totals, inputs):
            total, begun, first_sums, later = totals
            rows, weights, stored, exists, number = inputs
            rows = rows, stored
            t, table = table_of(first_steps(rows, self.size))
            evidence, responsibilities, later = weigh_windows(
                e_step.numbered(number),
                model.latent,
                table[:, :states],
                rows,
                later_steps(exists, self.size),
                weights[: self.size],
                self.windows,
                steps_of,
                collect,
                later,
            )
            return (
                total + evidence,
                begun + responsibilities.sum(0),
                first_sums + responsibilities.T @ t,
                later,
            ), None

        dtype, width, pairs = self.change.dtype, self.change.shape[0], states * states
        later = (jnp.zeros(pairs, dtype), jnp.zeros((pairs, width), dtype))
        start = (
            jnp.zeros((), dtype),
            jnp.zeros(states, dtype),
            jnp.zeros((states, width), dtype),
            later,
        )
        (evidence, begun, sums, later), _ = over_blocks(block, start, self.numbered)
        counts = jnp.concatenate([begun, later[0]])
        return evidence, counts, self._anchor_weights(jnp.concatenate([sums, later[1]]), counts)

    def _split(self, model: Model, e_step: EStep, values: Values):
        """Evidence, expected counts (C,) and anchor weights (r, C), without a table of pairs."""
        states = model.latent.size
        at_anchors = self.at_anchors(model, values)
        pairs = (at_anchors[0] + self.reference[0])[states:].reshape(states, states)
        best = jnp.argmax(pairs, axis=0)
        transition = _without_floor(pairs - jnp.max(pairs, axis=0))
        best_pairs = states + best * states + jnp.arange(states)
        whole = isinstance(e_step, Exact) and isinstance(model.latent, Chain)
        used = jnp.concatenate([jnp.arange(states), best_pairs])
        eta_t = (self.change @ at_anchors[:, used]).T

        def steps_of(rows):
            t = self.features_of(*rows)
            return Split(transition, (t @ eta_t[states:].T).reshape(-1, self.size, states)), t

        def collect(totals, steps, t):
            sums, pairs = totals
            gamma = steps.emission.reshape(-1, states)
            return sums + gamma.T @ t, pairs + steps.transition.sum(0)

        def sums_of(e_step, start, rows, valid, weights, totals):
            """The sums over a block: at once, or window by window."""
            if not (whole and self.windows == 1 and len(valid)):
                return weigh_windows(
                    e_step,
                    model.latent,
                    start,
                    rows,
                    valid,
                    weights,
                    self.windows,
                    steps_of,
                    collect,
                    totals,
                )
            t = self.features_of(*jax.tree.map(lambda leaf: leaf[self.size :], rows))
            t = t.reshape(*valid.shape, t.shape[-1])
            found = posterior_sums(Products(start, transition, eta_t[states:], t, valid, weights))
            evidence = weighted(found.evidence, weights).sum()
            return evidence, found.start, (totals[0] + found.features, totals[1] + found.pairs)

        def block(totals, inputs):
            total, begun, first_sums, later = totals
            rows, weights, stored, exists, number = inputs
            rows = rows, stored
            t = self.features_of(*first_steps(rows, self.size))
            valid = later_steps(exists, self.size)
            start = t @ eta_t[:states].T
            evidence, responsibilities, later = sums_of(
                e_step.numbered(number), start, rows, valid, weights[: self.size], later
            )
            return (
                total + evidence,
                begun + responsibilities.sum(0),
                first_sums + responsibilities.T @ t,
                later,
            ), None

        dtype, width = self.change.dtype, self.change.shape[0]
        no_sums = jnp.zeros((states, width), dtype)
        later = (no_sums, jnp.zeros((states, states), dtype))
        start = (jnp.zeros((), dtype), jnp.zeros(states, dtype), no_sums, later)
        (evidence, begun, sums, (later_sums, pairs)), _ = over_blocks(block, start, self.numbered)
        sums = jnp.concatenate([sums, later_sums])
        by_state = self._anchor_weights(sums, jnp.concatenate([begun, pairs.sum(0)]))
        anchor_weights = jnp.zeros((len(self.reference), model.latent.configurations), dtype)
        anchor_weights = (
            anchor_weights.at[:, :states]
            .set(by_state[:, :states])
            .at[:, best_pairs]
            .add(by_state[:, states:])
        )
        anchor_weights = (
            anchor_weights.at[0, states:].add(pairs.ravel()).at[0, best_pairs].add(-pairs.sum(0))
        )
        return evidence, jnp.concatenate([begun, pairs.ravel()]), anchor_weights


def make_anchored_steps(
    found: Anchors, data: Data, weights: np.ndarray, order: Order, product: bool, split: bool
) -> Source:
    """Replaced steps, in the precision of the weights.

    Args:
        found: The anchors of these data.
        data: All steps, sequence after sequence, NumPy leaves.
        weights: Their weights, (N,).
        order: The place of each step in the blocks.
        product: See `Anchored`.
        split: See `AnchoredSteps`.
    """
    stored = None if found.stored is None else found.stored[order.index]
    return AnchoredSteps(
        batch=steps_batch(data, weights, order),
        stored=None if stored is None else jax.device_put(stored.astype(weights.dtype)),
        **anchor_fields(found, weights),
        product=product,
        exists=jax.device_put(order.exists),
        size=order.size,
        windows=order.windows,
        split=split,
    )


def _without_floor(logs: Array) -> Array:
    """Log probabilities, those that stand for floored zeros set to -inf."""
    least = _LOG_ZERO if logs.dtype == jnp.float64 else _LOG_ZERO_SINGLE
    return jnp.where(logs < least, -jnp.inf, logs)
