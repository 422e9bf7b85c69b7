r"""The M-step of a plan: one sweep over its solvers, or over them in a given order.

Maximising Q over groups of parameters in turn, the others given, is ECM (Meng and Rubin 1993): Q
never falls, whatever the groups and their order, and neither does the objective.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.algebra.forms import Form, propose
from jaxem.algebra.levels import Level
from jaxem.algebra.penalty import Penalty
from jaxem.algebra.plan import Plan
from jaxem.algebra.solvers import Block, Climb, Closed, Solver, Sweep
from jaxem.estep.expectation import Expectation, Values
from jaxem.mstep.ascent import Ascent
from jaxem.mstep.cuts import solve_nonsmooth
from jaxem.mstep.mstep import MStep
from jaxem.mstep.newton import solve_block
from jaxem.mstep.proximal import solve_kinked
from jaxem.types import Array, DeclarationError


@dataclasses.dataclass(frozen=True)
class Derived(MStep):
    """The M-step of the plan: closed forms, Newton's method or ascent, in the proved order.

    Args:
        overrides: For single parameters, another M-step, as ``{"loc": Ascent(...)}``.
        order: Groups of parameters by dotted name, solved in this order, as ``("scale", ("loc",
            "weights"))``; every free parameter once. Within a group they are solved as the plan
            solves them. The proved order if left out.
        rounds: Sweeps in this order.

    Raises:
        DeclarationError: If an override is no M-step, or the order no order of names.
    """

    overrides: tuple[tuple[str, MStep], ...] = ()
    order: tuple[tuple[str, ...], ...] = ()
    rounds: int = 1

    def __init__(
        self,
        overrides: Mapping[str, MStep] | None = None,
        *,
        order: Sequence[str | Sequence[str]] | None = None,
        rounds: int = 1,
    ):
        for name, step in (overrides or {}).items():
            if not isinstance(step, MStep):
                raise DeclarationError(
                    f"the M-step of {name!r} must be jaxem.ClosedForm(update) or "
                    f"jaxem.Ascent(...); got {step!r}."
                )
        object.__setattr__(self, "overrides", tuple((overrides or {}).items()))
        object.__setattr__(self, "order", () if order is None else _groups(order))
        whole = isinstance(rounds, int) and not isinstance(rounds, bool) and rounds >= 1
        if not whole or (rounds > 1 and not self.order):
            raise DeclarationError(
                f"rounds says how often an order is gone through, an integer of at least 1, and "
                f"order says which; got rounds={rounds!r}, order={order!r}."
            )
        object.__setattr__(self, "rounds", rounds)

    @property
    def trusted(self) -> bool:
        """False if some parameter has a given update."""
        return all(step.trusted for _, step in self.overrides)

    @property
    def reads_rows(self) -> bool:
        """Whether some parameter has an update that reads the rows."""
        return any(step.reads_rows for _, step in self.overrides)

    @property
    def named(self) -> tuple[str, ...]:
        """The parameters with an M-step of their own or in the given order."""
        return (*(name for name, _ in self.overrides), *self.ordered)

    @property
    def ordered(self) -> tuple[str, ...]:
        """The parameters in the given order."""
        return tuple(name for group in self.order for name in group)

    @property
    def cycle(self) -> tuple[tuple[str, ...], ...]:
        """The groups of all sweeps, one after another."""
        return self.order * self.rounds

    def __call__(
        self, plan: Plan, q: Expectation, values: Values, names: tuple[str, ...]
    ) -> dict[str, Array]:
        """One sweep, or all sweeps in the given order."""
        for group in self.cycle or (names,):
            values = self.sweep(plan, q, values, group)
        return dict(values)

    def sweep(
        self, plan: Plan, q: Expectation, values: Values, names: tuple[str, ...]
    ) -> dict[str, Array]:
        """One sweep over some parameters in the proved order, the others given."""
        values = {**values, **{p.name: p.interior(values[p.name]) for p in q.model.parameters}}
        own = dict(self.overrides)
        if not own and set(plan.members) <= set(names):
            for level in plan.levels:
                values = _solve_level(level, plan, q, values)
            return values
        for solver in plan.solvers:
            rest = tuple(n for n in solver.names if n not in own and n in names)
            values = _solve(_restrict(solver, rest, plan), plan, q, values)
            for name in solver.names:
                if name in own and name in names:
                    values = own[name](plan, q, values, (name,))
        return values


def _restrict(solver: Solver, names: tuple[str, ...], plan: Plan) -> Solver | None:
    """The solver for some of its parameters alone."""
    if names == solver.names:
        return solver
    if len(names) < 2:
        return plan.alone(names[0]) if names else None
    return Sweep(tuple(plan.alone(name) for name in names))


def _groups(order: Any) -> tuple[tuple[str, ...], ...]:
    """An order as groups of names, none of them twice."""
    shape = 'an order is a sequence of names and groups of names, as ("scale", ("loc", "weights"))'
    if isinstance(order, str) or not isinstance(order, Sequence):
        raise DeclarationError(f"{shape}; got {order!r}.")
    groups = tuple((group,) if isinstance(group, str) else group for group in order)
    for group in groups:
        names = isinstance(group, Sequence) and all(isinstance(name, str) for name in group)
        if not names or not group:
            raise DeclarationError(f"{shape}; got {group!r} in it.")
    names = [name for group in groups for name in group]
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(
                f"the order has {name!r} twice; a parameter has one place in it, and rounds=2 goes "
                f"through all of it again."
            )
    return tuple(tuple(group) for group in groups)


def _solve_level(level: Level, plan: Plan, q: Expectation, values: dict[str, Array]):
    closed = tuple(solver for solver in level if isinstance(solver, Closed))
    if closed == level:
        return {**values, **_closed(closed, q, values)}
    (solver,) = level
    return _solve(solver, plan, q, values)


def _solve(solver: Solver | None, plan: Plan, q: Expectation, values: dict[str, Array]):
    match solver:
        case Closed():
            return {**values, **_closed((solver,), q, values)}
        case Block(kinked=True):
            penalty = Penalty(q.model, plan.kinks.centres)
            return {**values, **solve_kinked(solver, q, values, penalty)}
        case Block(nonsmooth=True):
            return {**values, **solve_nonsmooth(solver, q, values)}
        case Block():
            return {**values, **solve_block(solver, q, values)}
        case Climb():
            return Ascent()(plan, q, values, solver.names)
        case Sweep(rounds=1):
            for member in solver.members:
                values = _solve(member, plan, q, values)
        case Sweep():  # a loop of the program: written out, each round would be compiled
            once = dataclasses.replace(solver, rounds=1)
            return jax.lax.fori_loop(
                0, solver.rounds, lambda _, values: _solve(once, plan, q, values), values
            )
    return values


def _closed(solvers: tuple[Closed, ...], q: Expectation, values: Values) -> dict[str, Array]:
    """The maximisers of the closed forms of one level, from two gradients of Q.

    Equal forms of equal shape are stacked.
    """
    first = {s.name: q.model.parameter(s.name).interior(values[s.name]) for s in solvers}
    alike: dict[tuple[Form, Any], list[str]] = {}
    for solver in solvers:
        alike.setdefault((solver.form, first[solver.name].shape), []).append(solver.name)

    def stacked(of: Values, names: list[str]) -> Array:
        return jnp.stack([of[name] for name in names])

    second: dict[str, Array] = {}
    for (form, _), names in alike.items():
        second |= zip(names, form.other(stacked(first, names)), strict=True)
    points = {name: jnp.stack([first[name], second[name]]) for name in first}
    gradients = jax.vmap(jax.grad(lambda some: q({**values, **some})))(points)
    answers: dict[str, Array] = {}
    for (form, _), names in alike.items():
        g, g2 = stacked(gradients, names).swapaxes(0, 1)
        found, _, _ = propose(form, stacked(first, names), g, stacked(second, names), g2)
        answers |= zip(names, found, strict=True)
    return answers
