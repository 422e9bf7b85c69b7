"""The M-step of given responsibilities on the host, with the compiled program of planning.

A start needs one M-step. Where every solver is a closed form, and the data are few anchors or few
rows, the program that evaluates Q for planning suffices, and no other is compiled.
"""

from collections.abc import Iterable

import numpy as np

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.blocks import by_least_squares
from jaxem.algebra.forms import propose
from jaxem.algebra.plan import Plan
from jaxem.algebra.probe import Values, widen
from jaxem.algebra.prove import Trial
from jaxem.algebra.rows import planning_size
from jaxem.algebra.solvers import Block, Closed, Solver, Sweep
from jaxem.model import Model
from jaxem.model.known import known_of
from jaxem.numerics.rows import row_count
from jaxem.types import Data

#: An anchor's weight below this many roundings of its summands is put to zero.
_ROUNDINGS = 8


class HostStep:
    """The M-step of given responsibilities.

    Args:
        model: The declared model.
        plan: Its plan, of which every solver is closed, see `serves`.
        data: The rows, NumPy leaves.
        anchors: The anchors of the rows; None where the rows themselves are few enough.
    """

    def __init__(self, model: Model, plan: Plan, data: Data, anchors: Anchors | None):
        self._levels, self._sweeps = plan.levels, 1 if plan.exact else 3
        self._coefficients = None
        rows = data
        if anchors is not None:
            rows = anchors.rows
            self._coefficients = anchors.coefficients(data, np.arange(row_count(data)))
        every = np.ones((row_count(rows), model.latent.configurations), bool)
        self._probe = known_of(model, data).opened.probe_on(widen(rows), every)

    def __call__(self, reference: Values, responsibilities: np.ndarray) -> Values:
        """Parameters by dotted name, for one restart.

        Args:
            reference: Parameters to begin with.
            responsibilities: Times row weights, (n, K).
        """
        weights = self._weights(responsibilities.astype(float))
        free = {p.name: np.asarray(reference[p.name], float) for p in self._probe.free}
        for _ in range(self._sweeps):
            for level in self._levels:
                free = self._solve(level, free, weights)
        return {**reference, **free}

    def _weights(self, responsibilities: np.ndarray) -> np.ndarray:
        """Weights of planning rows and states, (planning rows, K)."""
        if self._coefficients is not None:
            total = np.abs(self._coefficients).T @ responsibilities
            responsibilities = self._coefficients.T @ responsibilities
            noise = _ROUNDINGS * np.finfo(float).eps * total
            responsibilities = np.where(np.abs(responsibilities) <= noise, 0.0, responsibilities)
        missing = len(self._probe.possible) - len(responsibilities)
        return np.pad(responsibilities, ((0, missing), (0, 0)))

    def _solve(self, level: Iterable[Solver], values: Values, weights: np.ndarray) -> Values:
        """The answers of the solvers of a level; entries that are not finite keep their values."""
        closed = [solver for solver in level if isinstance(solver, Closed)]
        answers = self._closed(closed, values, weights) if closed else {}
        for solver in level:
            if isinstance(solver, Block):
                (p,) = [p for p in self._probe.free if p.name in solver.names]
                solve = by_least_squares(self._probe, p, solver.batch[0])
                answers[p.name], _ = solve(Trial(values, (), weights), values[p.name])
            if isinstance(solver, Sweep):
                for member in solver.members * solver.rounds:
                    values = self._solve((member,), values, weights)
        sound = {n: np.where(np.isfinite(a), a, values[n]) for n, a in answers.items()}
        return {**values, **sound}

    def _closed(self, closed: list[Closed], values: Values, weights: np.ndarray) -> Values:
        second = {solver.name: solver.form.other(values[solver.name]) for solver in closed}
        _, (g, g2), _ = self._probe([values, {**values, **second}], weights)
        return {
            s.name: propose(s.form, values[s.name], g[s.name], second[s.name], g2[s.name])[0]
            for s in closed
        }


def serves(model: Model, plan: Plan, data: Data, anchors: Anchors | Refused | None) -> bool:
    """Whether anchors or rows fit into the planning rows, and every solver is a closed form."""
    if not all(_is_closed(solver) for solver in plan.solvers):
        return False
    if isinstance(anchors, Anchors):
        return anchors.features is not None and anchors.count <= planning_size(model.free)
    return row_count(data) <= planning_size(model.free)


def _is_closed(solver: Solver) -> bool:
    match solver:
        case Closed():
            return True
        case Block(names=(_,), quadratic=True, kinked=False):
            return True
        case Sweep():
            return all(map(_is_closed, solver.members))
    return False
