"""The argument of an initialiser: model, plan and data, with the M-step of responsibilities."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.plan import Plan, make_plan
from jaxem.compiled.buckets import bucket_of_rows, filled, power_of_two
from jaxem.estep import Exact
from jaxem.estep.batch import make_batch
from jaxem.estep.expectation import Expectation
from jaxem.initial.host_step import HostStep, serves
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.model.declaration import check_declaration
from jaxem.model.sequences import Sequences
from jaxem.mstep import Derived
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data

#: Rows from which random starts are made; with more, states would be averaged alike.
_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class Setting:
    """A model with its plan and data, for an initialiser.

    Attributes:
        model: The declared model.
        plan: The plan of the model for these data.
        data: Prepared rows, NumPy leaves.
        weights: Row weights, shape (n,).
        sequences: The sequences of a chain; None for independent rows.
        anchors: The anchors of the rows, or why there are none; None if not searched for.
    """

    model: Model
    plan: Plan
    data: Data
    weights: np.ndarray
    sequences: Sequences | None = None
    anchors: Anchors | Refused | None = None

    @property
    def states(self) -> int:
        """The number of latent states."""
        return self.model.latent.size

    def some_rows(self) -> "Setting":
        """The setting with at most a few thousand rows, all of positive weight."""
        if self.sequences is not None:
            return self._some_sequences(self.sequences)
        present = np.flatnonzero(self.weights > 0)
        if len(present) > _ROWS:
            present = np.sort(np.random.default_rng(0).choice(present, _ROWS, replace=False))
        return dataclasses.replace(
            self, data=take_rows(self.data, present), weights=self.weights[present]
        )

    def _some_sequences(self, sequences: Sequences) -> "Setting":
        """The setting with the steps of some sequences of positive weight."""
        index, fewer = sequences.some(self.weights[sequences.starts] > 0, _ROWS)
        return dataclasses.replace(
            self, data=take_rows(self.data, index), weights=self.weights[index], sequences=fewer
        )

    def reference(self) -> dict[str, np.ndarray]:
        """The reference parameters by dotted name, fixed ones included."""
        dtype = jnp.result_type(float)
        reference = {**self.plan.reference, **self.model.fixed}
        return {k: np.asarray(v, dtype) for k, v in reference.items()}

    def m_step(self, responsibilities: np.ndarray) -> dict[str, np.ndarray]:
        """The M-step of given responsibilities.

        Args:
            responsibilities: Shape (restarts, n, K). They are put to zero at impossible states, and
                rows are renormalised. The states of a chain are taken as independent.

        Returns:
            Parameters by dotted name, stacked over restarts.
        """
        if self.sequences is not None:
            responsibilities = _configurations_of(
                responsibilities, self.sequences, self.model.latent
            )
        if serves(self.model, self.plan, self.data, self.anchors):
            return self._on_host(responsibilities)
        return self._compiled(responsibilities)

    def _on_host(self, responsibilities: np.ndarray) -> dict[str, np.ndarray]:
        anchors = self.anchors if isinstance(self.anchors, Anchors) else None
        step = HostStep(self.model, self.plan, self.data, anchors)
        reference, kept = self.reference(), self.weights[:, None]
        with np.errstate(all="ignore"):
            table = self.plan.tables(reference, self.data)
            found = [step(reference, _possible(r, table) * kept) for r in responsibilities]
        return {k: np.stack([f[k] for f in found]).astype(v.dtype) for k, v in reference.items()}

    def _compiled(self, responsibilities: np.ndarray) -> dict[str, np.ndarray]:
        restarts, size = len(responsibilities), bucket_of_rows(row_count(self.data))
        batch = make_batch(self.data, self.weights, size)
        # Starts of several kinds share the restarts, and few sizes should come of that.
        responsibilities = filled(
            filled(responsibilities.swapaxes(0, 1), size).swapaxes(0, 1), power_of_two(restarts)
        )
        program = self.plan.program("first M-step", self._program(), brief=True)
        given = jax.device_put(responsibilities.astype(batch.weights.dtype))
        out = program(self.reference(), given, batch, self.plan.spread)
        return {k: np.array(v)[:restarts] for k, v in out.items()}

    def _program(self) -> Any:
        model, plan = self.model, self.plan
        names = tuple(p.name for p in model.free)
        sweeps = 1 if plan.exact else 3

        def one(reference, responsibilities, batch, spread):
            table = model.table(reference, jax.tree.map(lambda leaf: leaf[0], batch.rows))
            kept = _possible(responsibilities, table) * batch.weights[0][:, None]
            q = Expectation(model, Exact(), batch, reference, kept.sum(0), kept[None], spread)
            reference = {name: jnp.asarray(value, kept.dtype) for name, value in reference.items()}
            return jax.lax.fori_loop(  # written out, each sweep would be compiled
                0, sweeps, lambda _, values: Derived()(plan, q, values, names), reference
            )

        return jax.vmap(one, in_axes=(None, 0, None, None))


def prepare(bound: Bound, weights: np.ndarray) -> Setting:
    """A model and its rows, checked and planned.

    Args:
        bound: The model and its rows.
        weights: Weights of all rows, (N,).

    Raises:
        DeclarationError: If the log joint cannot be used as declared, with these rows.
    """
    check_declaration(bound.model, bound.rows)
    plan = make_plan(bound.model, bound.rows, weights, bound.starts)
    return Setting(bound.model, plan, bound.rows, weights, bound.sequences)


def _configurations_of(
    responsibilities: np.ndarray, sequences: Sequences, latent: Any
) -> np.ndarray:
    """Responsibilities of configurations, from those of states, (restarts, N, S), by products."""
    states = responsibilities.shape[-1]
    earlier = np.zeros_like(sequences.places())
    earlier[:, 1:] = sequences.places()[:, latent.earlier(sequences.horizon - 1)]
    pairs = responsibilities[:, earlier[sequences.exists], :, None] * responsibilities[..., None, :]
    flags = sequences.starts[:, None]
    pairs = np.where(flags, 0.0, pairs.reshape(*responsibilities.shape[:-1], states * states))
    return np.concatenate([np.where(flags, responsibilities, 0.0), pairs], axis=-1)


def _possible(responsibilities, table):
    """Responsibilities with impossible states at zero; equal ones where their sum is then zero."""
    xp = responsibilities.__array_namespace__()
    possible = (table > -xp.inf).astype(responsibilities.dtype)
    masked = responsibilities * possible
    total = masked.sum(-1, keepdims=True)
    even = possible / xp.maximum(possible.sum(-1, keepdims=True), 1.0)
    return xp.where(total > 0, masked / xp.where(total > 0, total, 1.0), even)
