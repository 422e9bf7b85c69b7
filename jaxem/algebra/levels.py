"""Levels of a sweep: groups of closed forms that share one gradient of Q.

A sweep solves one parameter after another, and each closed form needs the gradient of Q. Where Q is
a sum of a function of A and a function of B, one gradient of Q serves both, in any order. Twenty
items of a latent class analysis then need one gradient instead of twenty.
"""

import itertools
from collections.abc import Mapping, Sequence

from jaxem.algebra.order import Strengths
from jaxem.algebra.solvers import Closed, Solver

#: Solvers that share one gradient of Q.
Level = tuple[Solver, ...]


def levels(
    solvers: Sequence[Solver], strength: Strengths, coupled: Mapping[str, set[str]]
) -> tuple[Level, ...]:
    """The solvers of a sweep, ordered into few levels with the same answers.

    Args:
        solvers: One sweep, each solver after those that its answer depends on.
        strength: Which answers depend on which parameters, see `order.dependencies`.
        coupled: For each parameter, those with which Q is not additively separable.
    """
    found: list[Level] = []
    for solver in solvers:
        for place, level in enumerate(found):
            between = tuple(itertools.chain(*found[place + 1 :]))
            if not _separate(solver, level, coupled):
                continue
            if _are_free((solver,), between, strength):
                found[place] = (*level, solver)
                break
            if _are_free(between, level, strength):
                del found[place]
                found.append((*level, solver))
                break
        else:
            found.append((solver,))
    return tuple(found)


def _separate(solver: Solver, level: Level, coupled: Mapping[str, set[str]]) -> bool:
    """Whether Q separates into this parameter and those of a level, all in closed form."""
    if not all(isinstance(member, Closed) for member in (solver, *level)):
        return False
    (name,) = solver.names
    others = {other for member in level for other in member.names}
    return not coupled[name] & others and not any(name in coupled[other] for other in others)


def _are_free(some: Level, others: Level, strength: Strengths) -> bool:
    """Whether no answer of some solvers depends on a parameter of the others."""
    read = {name for solver in some for own in solver.names for name in strength[own]}
    return not read & {name for other in others for name in other.names}
