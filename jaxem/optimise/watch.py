r"""Guards: whether replaced data still give the log joint that was declared.

Anchors are proved at ordinary parameters; a fit may go elsewhere. So between chunks some restarts
are checked: on a few hundred rows, drawn anew each time, the log joint is evaluated in float64 and
compared with the matrix product. Rounding of the product is bounded by
:math:`\epsilon \Lambda \max |F|`, with F the log joint at the anchors and :math:`\Lambda` the
largest sum of absolute coefficients of a row (the bound was never exceeded where it was tried). At
the end of a fit all rows are compared.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from jaxem.algebra.anchors import Anchors
from jaxem.algebra.plan import Plan
from jaxem.algebra.probe import Values
from jaxem.algebra.route import Guard
from jaxem.data.fit_data import FitData
from jaxem.estep import EStep
from jaxem.initial import Setting
from jaxem.model import Model
from jaxem.numerics.rows import row_count, take_rows
from jaxem.objective.exact import as_time_allows, exact_evidence, tolerated

#: Rows and restarts that one check looks at.
_ROWS, _RESTARTS = 256, 4

#: Nats below the largest log factor of a row within which others matter to the evidence.
_NEAR = 40.0

#: Largest bound of the rounding, in nats, with which anchors still serve.
_WORST_BOUND = 1e-2

#: Errors up to so many times the bound are explained by rounding.
_EXPLAINED = 10.0


class Guards:
    """Checks of restarts on replaced data, with a record of all that were made."""

    def __init__(self, model: Model, plan: Plan, fit_data: FitData):
        self._model, self._plan, self._fit_data = model, plan, fit_data
        self._tables = plan.tables
        self._dtype = fit_data.weights.dtype
        self._rng = np.random.default_rng(0)
        self._began = time.monotonic()
        self.seen: list[Guard] = []

    def choose(self, restarts: np.ndarray) -> np.ndarray:
        """A random few of some restarts, to be checked."""
        return self._rng.permutation(restarts)[:_RESTARTS]

    def next_path(self, values: Values, path: str, restart: int, steps: int) -> str:
        """The path on which a restart should go on, after a check.

        An error that rounding explains is in the products, and the anchors still serve the M-step.
        A larger one means that the log joint has left the space that the anchors span.

        Args:
            values: Parameters by dotted name.
            path: The path of the restart.
            restart: Its index, for the record.
            steps: Its steps, for the record.
        """
        if path == "direct":
            return path
        anchors = self._fit_data.found
        assert isinstance(anchors, Anchors)
        with np.errstate(all="ignore"):
            guard = Guard(restart, steps, path, *self._error(values, anchors))
        self.seen.append(guard)
        if not guard.bound <= _WORST_BOUND:
            return "direct"
        if guard.error <= (1e-3 if self._dtype == np.float32 else 1e-6):
            return path
        return "anchors" if guard.error <= _EXPLAINED * guard.bound else "direct"

    def evidence(
        self, e_step: EStep, restarts: Sequence[int], values: Callable[[int], Values]
    ) -> Iterator[tuple[int, float]]:
        """Pairs (restart, log evidence) by the declared log joint at all rows, in float64.

        The first restart is always evaluated, the others while that takes no more than half a
        second, or a tenth of the time since the run began.
        """
        fit_data = self._fit_data
        setting = Setting(
            self._model,
            self._plan,
            fit_data.rows,
            fit_data.weights,
            fit_data.sequences,
        )
        for restart in as_time_allows(restarts, self._began):
            yield int(restart), exact_evidence(setting, e_step, values(restart))

    def tolerance(self, evidence: float) -> float:
        """Largest difference, in nats, from the evidence of all rows that rounding explains."""
        return tolerated(evidence, row_count(self._fit_data.rows), self._dtype)

    def excluded(self, e_step: EStep, starts: Values) -> list[int]:
        """Restarts whose start holds a zero that makes some rows impossible.

        Args:
            e_step: How states are summed out.
            starts: Parameters by dotted name, stacked over restarts.
        """
        has_zero = [
            np.any(np.equal(starts[p.name], 0), axis=tuple(range(1, np.ndim(starts[p.name]))))
            for p in self._model.parameters
            if p.support.has_zero
        ]
        excluded = []
        for restart in np.flatnonzero(np.any(has_zero, axis=0)).tolist() if has_zero else ():
            start = {name: np.asarray(leaf)[restart] for name, leaf in starts.items()}
            ((_, evidence),) = self.evidence(e_step, [restart], lambda _, start=start: start)
            excluded += [] if np.isfinite(evidence) else [restart]
        return excluded

    def _error(self, values: Values, anchors: Anchors) -> tuple[float, float]:
        """Largest error of the product on random rows, and the bound of its rounding, in nats."""
        at_anchors = self._table(values, anchors.rows) - anchors.reference[:, None]
        eps = np.finfo(self._dtype).eps
        bound = float(eps * anchors.amplification * np.abs(at_anchors).max())
        count = row_count(self._fit_data.rows)
        rows = self._rng.choice(count, min(_ROWS, count), replace=False)
        direct = self._table(values, take_rows(self._fit_data.rows, rows))
        product = self._multiply(anchors, rows, at_anchors) + anchors.references[rows][:, None]
        matters = direct > direct.max(1, keepdims=True) - _NEAR
        error = np.where(matters, np.abs(product - direct), 0.0).max()
        return float(error), bound

    def _multiply(self, anchors: Anchors, rows: np.ndarray, at_anchors: np.ndarray) -> np.ndarray:
        """Log factors (n, K) of rows as the run computes them, by products in its precision."""
        f = at_anchors.astype(self._dtype)
        if anchors.features is None:
            coefficients = anchors.coefficients(self._fit_data.rows, rows)
            return (coefficients.astype(self._dtype) @ f).astype(float)
        features = anchors.features(take_rows(self._fit_data.rows, rows)).astype(self._dtype)
        return (features @ (anchors.change.astype(self._dtype) @ f)).astype(float)

    def _table(self, values: Values, rows) -> np.ndarray:
        floored = {
            p.name: p.floored(np.asarray(values[p.name], float)) for p in self._model.parameters
        }
        return self._tables(floored, rows)
