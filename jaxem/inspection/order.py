"""The order in which the M-step solves the parameters, in words."""

from typing import NamedTuple

from jaxem.algebra.plan import Plan
from jaxem.algebra.solvers import Solver, Sweep
from jaxem.algorithm import Algorithm
from jaxem.algorithm.warm_up import em_of
from jaxem.mstep import Derived


class Told(NamedTuple):
    """The order of an M-step in words.

    Attributes:
        groups: Parameters that may be solved jointly.
        order: The sweep, in words.
        exact: Whether one sweep is the exact joint M-step.
        verdict: Whether it is, in words.
    """

    groups: tuple[tuple[str, ...], ...]
    order: str
    exact: bool
    verdict: str


def order_words(plan: Plan, algorithm: Algorithm) -> Told:
    """The order of the plan, or the given one, in words."""
    m_step = algorithm.m_step
    if not isinstance(m_step, Derived) or not m_step.order:
        order = " -> ".join(_solver_words(s) for s in plan.solvers)
        return Told(tuple(s.names for s in plan.solvers), order, plan.exact, plan.verdict)
    order = " -> ".join(_group_words(group) for group in m_step.order)
    order = f"({order}) x {m_step.rounds}" if m_step.rounds > 1 else order
    place = {name: i for i, group in enumerate(m_step.order) for name in group}
    forward = all(place[b] <= place[a] for a, row in plan.strengths.items() for b in row)
    em = em_of(algorithm)
    if em.multicycle:
        verdict = "the given order, with an E-step before each group (ECM, multicycle)"
    elif plan.exact and forward:
        verdict = "one sweep is the exact M-step"
    else:
        verdict = "the given order, each group with the others given (ECM)"
    exact = plan.exact and forward and not em.multicycle
    return Told(m_step.order, order, exact, verdict)


def _solver_words(solver: Solver) -> str:
    match solver:
        case Sweep():
            return f"({' -> '.join(solver.names)}) x {solver.rounds}"
        case _:
            return "+".join(solver.names)


def _group_words(group: tuple[str, ...]) -> str:
    return group[0] if len(group) == 1 else f"({', '.join(group)})"
