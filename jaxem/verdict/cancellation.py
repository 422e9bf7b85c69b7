"""Whether an objective is dominated by rounding: a check of the restarts that might be chosen.

A log joint may have a difference whose digits all cancel somewhere (a cumulative probability less
another, both 1 to the last place). Its logarithm is then arbitrary, and a restart that gets there
may have a higher objective than any sound one. So the log factors of a sample of rows are evaluated
a few times with random rounding. Only models that take the logarithm of a difference, or divide by
one, are checked; in others digits cannot cancel altogether.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algebra.probe import Values, widen
from jaxem.data.fit_data import FitData
from jaxem.model import Model
from jaxem.numerics.rows import row_count, take_rows
from jaxem.traces.stochastic import may_cancel, with_random_rounding

#: Rows of the sample, evaluations with random rounding, and restarts that are checked, at most.
_ROWS, _SEEDS, _RESTARTS = 512, 8, 16

#: Range of the evidence, in nats, that makes it unreliable.
_NATS = 0.5


class Cancellation:
    """A check of objectives for cancelled digits, with rounding of the precision of the run.

    Args:
        model: The declared model.
        plan: The plan, which keeps the compiled program.
        fit_data: The rows.
    """

    def __init__(self, model: Model, plan: Plan, fit_data: FitData):
        self._model, self._plan = model, plan
        present = np.flatnonzero(fit_data.weights > 0)
        count = min(_ROWS, row_count(fit_data.rows))
        rng = np.random.default_rng(0)
        sample = rng.permutation(present)[:count] if len(present) > count else present
        self._rows = widen(take_rows(fit_data.rows, sample))
        self._weights = fit_data.weights[sample] * (len(present) / max(len(sample), 1))
        self._eps = float(np.finfo(fit_data.weights.dtype).eps)

    def dominates(
        self, values: Values, order: np.ndarray, candidates: Values, use_candidate: np.ndarray
    ):
        """Whether rounding dominates the objective of each restart, (R,).

        Args:
            values: Accepted parameters by dotted name, leaves (R, ...).
            order: Indices of the restarts to check, the highest objective first.
            candidates: Parameters that were evaluated last, leaves (R, ...).
            use_candidate: Whether to check the candidate instead, (R,).
        """
        out = np.zeros(len(use_candidate), bool)
        if not len(order) or not self._may_cancel(values):
            return out
        for restart in order[:_RESTARTS]:
            which = candidates if use_candidate[restart] else values
            out[restart] = self._is_rounding({k: v[restart] for k, v in which.items()})
        return out

    def _may_cancel(self, values: Values) -> bool:
        """Whether the program of the log joint has a difference that may cancel."""
        key = ("may cancel",)
        if key not in self._plan.cancels:
            first = self._given({k: v[0] for k, v in values.items()})
            with jax.enable_x64(True):
                program = jax.make_jaxpr(self._model.table)(first, self._rows)
            self._plan.cancels[key] = may_cancel(program.jaxpr)
        return self._plan.cancels[key]

    def _given(self, values: Values) -> Values:
        return {p.name: np.asarray(values[p.name], float) for p in self._model.parameters}

    def _is_rounding(self, values: Values) -> bool:
        """Whether evaluations with random rounding differ by more than `_NATS`."""
        noisy = with_random_rounding(self._model.table, self._eps)

        def evidences(seeds, values, rows):
            tables = jax.vmap(noisy, in_axes=(0, None, None))(seeds, values, rows)
            return jax.nn.logsumexp(tables, axis=-1)

        program = self._plan.program(("random rounding", self._eps), evidences)
        with jax.enable_x64(True):
            seeds = jnp.arange(_SEEDS, dtype=jnp.uint32)
            found = np.asarray(program(seeds, self._given(values), self._rows))
        if np.isnan(found).any() or (found == np.inf).any():
            return True
        possible = found.max(0) > -np.inf
        total = np.where(possible, found, 0.0) @ self._weights
        return not np.ptp(total) <= _NATS
