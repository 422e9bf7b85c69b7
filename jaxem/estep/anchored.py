r"""The E-step on replaced data: two matrix products, and a Q that lives on the anchors.

With features T(x) and C = T W (see `algebra.anchors`), the log factors of a block of rows are
:math:`T \eta`, :math:`\eta = W (F - h)`, where F is the log joint at the anchors alone, and the
responsibilities R are collected as :math:`S = R^\top T`. Then :math:`\omega = W^\top S^\top` are
signed weights of anchors and states, and Q is their sum with F: no M-step, of whatever kind, sees
the data again. What a row has beyond the space, h, adds a constant to the evidence. In a block the
table is held with states first: sums over states then run along whole vectors of rows.
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

#: An anchor's weight below this many roundings of its state's count is none at all.
_ROUNDINGS = 8


class Anchored(Source):
    """Rows through their features, or through stored coefficients.

    Attributes:
        anchors: One block of r rows of weight one.
        reference: Log joint at the reference, at the anchors, (r,).
        beyond: The same summed over all weighted rows, a scalar.
        features: What makes T of a row; None where C is stored and T = C.
        change: W, (features, r).
        coefficients: C in blocks, (blocks, size, r), or None.
        product: Whether log factors are products; if not, the log joint is evaluated at every row,
            and the anchors serve the M-step alone.
    """

    anchors: Batch
    reference: Array
    beyond: Array
    features: Features | None
    change: Array
    coefficients: Array | None
    product: bool = eqx.field(static=True)

    def expect(
        self, model: Model, e_step: EStep, values: Values
    ) -> tuple[Array, Array, Expectation]:
        """See `Source`."""
        at_anchors = self.at_anchors(model, values) if self.product else None
        eta = None if at_anchors is None else at_anchors.T @ self.change.T

        def block(totals, inputs):
            (total, counts, sums), (rows, weights, stored, number) = totals, inputs
            t = self.features_of(rows, stored)
            table = model.table(values, rows).T if eta is None else eta @ t.T
            evidence, responsibilities = weigh(
                model, e_step.numbered(number), table, weights, axis=0
            )
            return (
                total + evidence,
                counts + responsibilities.sum(1),
                sums + responsibilities @ t,
            ), None

        dtype, states = self.batch.weights.dtype, model.latent.configurations
        zero, none = jnp.zeros((), dtype), jnp.zeros(states, dtype)
        start = (zero, none, jnp.zeros((states, self.change.shape[0]), dtype))
        (evidence, counts, sums), _ = over_blocks(block, start, self.numbered)
        responsibilities = self._responsibilities(sums, counts)
        return self._found(model, e_step, values, evidence, counts, responsibilities, at_anchors)

    @property
    def blocks(self) -> tuple[Any, ...]:
        """See `Source`."""
        return (*self.batch, self.coefficients)

    def features_of(self, rows: Data, stored: Array | None) -> Array:
        """T of the rows of a block, (n, features), made or stored."""
        return self.features(rows) if self.features is not None else jnp.asarray(stored)

    def coefficients_of(self, model: Model, values: Values) -> Array:
        r"""Coefficients of the features in the log factors, :math:`\eta^\top`, (K, features)."""
        return self.at_anchors(model, values).T @ self.change.T

    def at_anchors(self, model: Model, values: Values) -> Array:
        """The log joint at the anchors less the reference, (r, K), zeros floored."""
        floored = {p.name: p.floored(values[p.name]) for p in model.parameters}
        rows = jax.tree.map(lambda leaf: leaf[0], self.anchors.rows)
        return model.table(floored, rows) - self.reference[:, None]

    def _found(
        self,
        model: Model,
        e_step: EStep,
        values: Values,
        evidence: Array,
        counts: Array,
        responsibilities: Array,
        at_anchors: Array | None,
    ) -> tuple[Array, Array, Expectation]:
        r"""What `expect` returns, from sums over all blocks.

        The evidence contains the terms :math:`\omega_{jk} F_{jk}`, signed and often much larger
        than their sum. Each is rounded by itself, so that the evidence has a rounding of
        :math:`\epsilon (\sum \omega_{jk}^2 F_{jk}^2)^{1/2}`, as measured within a factor of two.
        """
        q = self.q(model, e_step, self.anchors, values, counts, responsibilities[None])
        if at_anchors is None:
            return evidence, counts, q
        terms = jnp.where(responsibilities == 0, 0.0, responsibilities * at_anchors)
        rounding = jnp.finfo(terms.dtype).eps * jnp.sqrt((terms * terms).sum())
        return evidence + self.beyond, counts, dataclasses.replace(q, rounding=rounding)

    def _responsibilities(self, sums: Array, counts: Array) -> Array:
        """Signed weights of anchors and states, (r, K); what is rounding is zero.

        A category that a state never shows has a weight of exactly zero, not of 1e-14.
        """
        responsibilities = (sums @ self.change).T
        eps = jnp.finfo(responsibilities.dtype).eps
        noise = _ROUNDINGS * eps * jnp.abs(self.change).sum(0)[:, None] * counts
        return jnp.where(jnp.abs(responsibilities) <= noise, 0.0, responsibilities)


def make_anchored(
    found: Anchors, data: Data, weights: np.ndarray, size: int, least: int, product: bool
) -> Anchored:
    """Replaced data, in the precision of the weights.

    Args:
        found: The anchors of these data.
        data: The rows, NumPy leaves.
        weights: Row weights, (n,).
        size: Rows a block.
        least: Rows that all blocks hold together, at least.
        product: See `Anchored`.
    """
    stored = None if found.stored is None else in_blocks(found.stored, weights, size, least)[0]
    return Anchored(
        batch=make_batch(data, weights, size, least),
        coefficients=None if stored is None else jax.device_put(stored.astype(weights.dtype)),
        **anchor_fields(found, weights),
        product=product,
    )


def anchor_fields(found: Anchors, weights: np.ndarray) -> dict[str, Any]:
    """What of `Anchored` does not depend on how the rows are cut.

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
