r"""Guards: whether replaced data still give what the person's own function gives.

Anchors are proved at ordinary parameters; a fit may go elsewhere. So between chunks some restarts
are looked at: on a few hundred rows, other ones each time, the log joint is evaluated in float64
and compared with the matrix product; and rounding is bounded by
:math:`\epsilon \Lambda \max |F|`, with F the log joint at the anchors and :math:`\Lambda` the
largest sum of absolute coefficients (the bound was never exceeded where it was tried). At the end
every row is compared.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from jaxem.algebra.anchors import Anchors
from jaxem.algebra.plan import Plan
from jaxem.algebra.probe import Values
from jaxem.algebra.route import Guard
from jaxem.data.ways import Ways
from jaxem.estep import EStep
from jaxem.initial import Setting
from jaxem.model import Model
from jaxem.numerics.rows import row_count, take_rows
from jaxem.objective.exact import as_time_allows, exact_evidence, tolerated

_ROWS = 256
_RESTARTS = 4
_NEAR = 40.0
_WORST_BOUND = 1e-2
_EXPLAINED = 10.0


class Guards:
    """Looks at restarts, and remembers what was seen."""

    def __init__(self, model: Model, plan: Plan, ways: Ways):
        self._model, self._plan, self._ways = model, plan, ways
        self._tables = plan.tables
        self._dtype = ways.weights.dtype
        self._rng = np.random.default_rng(0)
        self._began = time.monotonic()
        self.seen: list[Guard] = []

    def choose(self, restarts: np.ndarray) -> np.ndarray:
        """The restarts to look at this time."""
        return self._rng.permutation(restarts)[:_RESTARTS]

    def next_path(self, values: Values, path: str, restart: int, steps: int) -> str:
        """Look at one restart, and say on which path it should go on.

        An error that rounding explains is in the products, and the anchors still serve the M-step.
        A larger one means that the log joint has left the space that the anchors span.
        """
        if path == "direct":
            return path
        found = self._ways.found
        assert isinstance(found, Anchors)
        with np.errstate(all="ignore"):
            guard = Guard(restart, steps, path, *self._look(values, found))
        self.seen.append(guard)
        if not guard.bound <= _WORST_BOUND:
            return "direct"
        if guard.error <= (1e-3 if self._dtype == np.float32 else 1e-6):
            return path
        return "anchors" if guard.error <= _EXPLAINED * guard.bound else "direct"

    def evidence(
        self, e_step: EStep, restarts: Sequence[int], values: Callable[[int], Values]
    ) -> Iterator[tuple[int, float]]:
        """The log evidence that all rows give, by the person's own function, in float64.

        The first restart is always looked at, the others while that takes no more than half a
        second, or a tenth of the time since the run began.
        """
        ways = self._ways
        setting = Setting(self._model, self._plan, ways.rows, ways.weights, ways.sequences)
        for restart in as_time_allows(restarts, self._began):
            yield int(restart), exact_evidence(setting, e_step, values(restart))

    def tolerance(self, evidence: float) -> float:
        """Nats that the evidence of all rows may differ for rounding alone."""
        return tolerated(evidence, row_count(self._ways.rows), self._dtype)

    def excluded(self, e_step: EStep, starts: Values) -> list[int]:
        """Restarts whose start holds a zero that makes some rows impossible.

        Args:
            e_step: How states are summed out.
            starts: Parameters by dotted name, stacked over restarts.
        """
        zero = [
            np.any(np.equal(starts[p.name], 0), axis=tuple(range(1, np.ndim(starts[p.name]))))
            for p in self._model.parameters
            if p.support.has_zero
        ]
        found = []
        for restart in np.flatnonzero(np.any(zero, axis=0)).tolist() if zero else ():
            here = {name: np.asarray(leaf)[restart] for name, leaf in starts.items()}
            ((_, evidence),) = self.evidence(e_step, [restart], lambda _, here=here: here)
            found += [] if np.isfinite(evidence) else [restart]
        return found

    def _look(self, values: Values, found: Anchors) -> tuple[float, float]:
        at_anchors = self._table(values, found.rows) - found.reference[:, None]
        eps = np.finfo(self._dtype).eps
        bound = float(eps * found.amplification * np.abs(at_anchors).max())
        count = row_count(self._ways.rows)
        rows = self._rng.choice(count, min(_ROWS, count), replace=False)
        direct = self._table(values, take_rows(self._ways.rows, rows))
        product = self._multiply(found, rows, at_anchors) + found.references[rows][:, None]
        matters = direct > direct.max(1, keepdims=True) - _NEAR
        error = np.where(matters, np.abs(product - direct), 0.0).max()
        return float(error), bound

    def _multiply(self, found: Anchors, rows: np.ndarray, at_anchors: np.ndarray) -> np.ndarray:
        """The product as the run computes it, in its precision."""
        f = at_anchors.astype(self._dtype)
        if found.features is None:
            coefficients = found.coefficients(self._ways.rows, rows)
            return (coefficients.astype(self._dtype) @ f).astype(float)
        features = found.features(take_rows(self._ways.rows, rows)).astype(self._dtype)
        return (features @ (found.change.astype(self._dtype) @ f)).astype(float)

    def _table(self, values: Values, rows) -> np.ndarray:
        floored = {
            p.name: p.floored(np.asarray(values[p.name], float)) for p in self._model.parameters
        }
        return self._tables(floored, rows)
