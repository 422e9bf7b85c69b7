r"""The E-step on replaced data: two matrix products, and a Q whose rows are the anchors.

With features T(x), the matrix W, and coefficients A = T W (see `algebra.anchors`), the log factors
of a block of rows, less their reference h(x), are :math:`T \eta`, :math:`\eta = W (F - h)`, where F
is the log joint at the anchors and h its reference values there. From the weighted responsibilities
R come the sums :math:`S = R^\top T` and the anchor weights :math:`\omega = W^\top S^\top`, which
may be negative. Q is :math:`\sum_{jk} \omega_{jk} F_{jk}` plus the log prior and a constant, so
that no M-step sees the rows. The evidence is that of :math:`T \eta` plus
:math:`\sum_i w_i h(x_i)`. In a block the table of log factors is (K, n): sums over states then run
along whole vectors of rows.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.anchors import Anchors
from jaxem.algebra.features import Features
from jaxem.estep.batch import Batch, make_batch
from jaxem.estep.estep import EStep
from jaxem.estep.expectation import Expectation, Values, over_blocks
from jaxem.estep.source import Source, weigh
from jaxem.model import Model
from jaxem.numerics.rows import in_blocks
from jaxem.types import Array, Data

#: An anchor weight is set to zero if it is smaller than this multiple of machine epsilon times the
#: sum of absolute terms that it may be the rounding of.
_EPSILONS = 8


class Anchored(Source):
    """Rows through their features, or through stored coefficients.

    Attributes:
        anchors: The anchors, one block of r rows of weight one.
        reference: h at the anchors, (r,): their log joint at the reference parameters.
        beyond: The sum of w_i h(x_i) over all rows, a scalar.
        features: The function that makes T of rows; None where A is stored, and T = A.
        change: W, (features, r).
        stored: A in blocks, (blocks, size, r), or None.
        product: Whether log factors are the products T eta; if not, the log joint is evaluated at
            every row, and the anchors serve the M-step alone.
    """

    anchors: Batch
    reference: Array
    beyond: Array
    features: Features | None
    change: Array
    stored: Array | None
    product: bool = eqx.field(static=True)

    def expect(
        self, model: Model, e_step: EStep, values: Values
    ) -> tuple[Array, Array, Expectation]:
        """See `Source`."""
        at_anchors = self.at_anchors(model, values) if self.product else None
        eta_t = None if at_anchors is None else at_anchors.T @ self.change.T

        def block(totals, inputs):
            (total, counts, sums), (rows, weights, stored, number) = totals, inputs
            t = self.features_of(rows, stored)
            table = model.table(values, rows).T if eta_t is None else eta_t @ t.T
            evidence, responsibilities = weigh(
                model, e_step.numbered(number), table, weights, axis=0
            )
            return (
                total + evidence,
                counts + responsibilities.sum(1),
                sums + responsibilities @ t,
            ), None

        dtype, states = self.batch.weights.dtype, model.latent.configurations
        start = (
            jnp.zeros((), dtype),
            jnp.zeros(states, dtype),
            jnp.zeros((states, self.change.shape[0]), dtype),
        )
        (evidence, counts, sums), _ = over_blocks(block, start, self.numbered)
        anchor_weights = self._anchor_weights(sums, counts)
        return self._expectation(
            model, e_step, values, evidence, counts, anchor_weights, at_anchors
        )

    @property
    def blocks(self) -> tuple[Any, ...]:
        """See `Source`."""
        return (*self.batch, self.stored)

    def features_of(self, rows: Data, stored: Array | None) -> Array:
        """T of the rows of a block, (n, features), made of them or stored."""
        return self.features(rows) if self.features is not None else jnp.asarray(stored)

    def coefficients_of(self, model: Model, values: Values) -> Array:
        r"""Coefficients :math:`\eta^\top` of the features in the log factors, (K, features)."""
        return self.at_anchors(model, values).T @ self.change.T

    def at_anchors(self, model: Model, values: Values) -> Array:
        """F - h, the log joint at the anchors less the reference, (r, K); zeros floored."""
        floored = {p.name: p.floored(values[p.name]) for p in model.parameters}
        rows = jax.tree.map(lambda leaf: leaf[0], self.anchors.rows)
        return model.table(floored, rows) - self.reference[:, None]

    def _expectation(
        self,
        model: Model,
        e_step: EStep,
        values: Values,
        evidence: Array,
        counts: Array,
        anchor_weights: Array,
        at_anchors: Array | None,
    ) -> tuple[Array, Array, Expectation]:
        r"""Evidence, expected counts and Q, from sums over all blocks; see `expect`.

        The evidence contains the terms :math:`\omega_{jk} (F_{jk} - h_j)`, signed and often much
        larger than their sum. Each is rounded by itself, so that the rounding of the evidence has
        the standard deviation :math:`\epsilon (\sum \omega_{jk}^2 (F_{jk} - h_j)^2)^{1/2}`.
        """
        q = self.q(model, e_step, self.anchors, values, counts, anchor_weights[None])
        if at_anchors is None:
            return evidence, counts, q
        terms = jnp.where(anchor_weights == 0, 0.0, anchor_weights * at_anchors)
        rounding = jnp.finfo(terms.dtype).eps * jnp.sqrt((terms * terms).sum())
        return evidence + self.beyond, counts, dataclasses.replace(q, rounding=rounding)

    def _anchor_weights(self, sums: Array, counts: Array) -> Array:
        """The anchor weights omega, (r, K); those that are rounding are set to zero.

        An anchor in a category that a state never shows has a weight of exactly zero, not of 1e-14.

        Args:
            sums: S, (K, features).
            counts: Expected counts, (K,).
        """
        anchor_weights = (sums @ self.change).T
        eps = jnp.finfo(anchor_weights.dtype).eps
        noise = _EPSILONS * eps * jnp.abs(self.change).sum(0)[:, None] * counts
        return jnp.where(jnp.abs(anchor_weights) <= noise, 0.0, anchor_weights)


def make_anchored(
    found: Anchors, data: Data, weights: np.ndarray, size: int, least: int, product: bool
) -> Anchored:
    """Replaced data, in the precision of the weights.

    Args:
        found: The anchors of these data.
        data: The rows, NumPy leaves.
        weights: Row weights, (n,).
        size: Rows of a block.
        least: Least number of rows that all blocks hold together.
        product: See `Anchored`.
    """
    stored = None if found.stored is None else in_blocks(found.stored, weights, size, least)[0]
    return Anchored(
        batch=make_batch(data, weights, size, least),
        stored=None if stored is None else jax.device_put(stored.astype(weights.dtype)),
        **anchor_fields(found, weights),
        product=product,
    )


def anchor_fields(found: Anchors, weights: np.ndarray) -> dict[str, Any]:
    """The fields of `Anchored` that do not depend on the blocks.

    Args:
        found: The anchors of some rows.
        weights: Weights of these rows, (n,).
    """
    dtype = weights.dtype
    beyond = np.sum(weights.astype(float) * found.references)
    return {
        "anchors": make_batch(found.rows, np.ones(found.count, dtype), found.count),
        "reference": jax.device_put(found.reference.astype(dtype)),
        "beyond": jax.device_put(beyond.astype(dtype)),
        "features": jax.tree.map(lambda a: jax.device_put(np.asarray(a, dtype)), found.features),
        "change": jax.device_put(found.change.astype(dtype)),
    }
