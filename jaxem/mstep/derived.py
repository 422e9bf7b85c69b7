"""The M-step that the plan derived: one sweep over its solvers."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxem.algebra.forms import propose
from jaxem.algebra.penalty import Penalty
from jaxem.algebra.plan import Plan
from jaxem.algebra.solvers import Block, Climb, Closed, Solver, Sweep
from jaxem.estep.expectation import Expectation, Values
from jaxem.mstep.ascent import Ascent
from jaxem.mstep.mstep import MStep
from jaxem.mstep.newton import solve_block
from jaxem.mstep.proximal import solve_kinked
from jaxem.types import Array, DeclarationError


@dataclasses.dataclass(frozen=True)
class Derived(MStep):
    """What jaxem found: closed forms, Newton, or ascent, in the order that it proved.

    Args:
        overrides: For single parameters, another M-step, as ``{"loc": Ascent(...)}``.
    """

    overrides: tuple[tuple[str, MStep], ...] = ()

    def __init__(self, overrides: Mapping[str, MStep] | None = None):
        for name, step in (overrides or {}).items():
            if not isinstance(step, MStep):
                raise DeclarationError(
                    f"the M-step of {name!r} must be jaxem.ClosedForm(update) or "
                    f"jaxem.Ascent(...); got {step!r}."
                )
        object.__setattr__(self, "overrides", tuple((overrides or {}).items()))

    @property
    def trusted(self) -> bool:
        """False if some parameter has a person's own update."""
        return all(step.trusted for _, step in self.overrides)

    @property
    def reads_rows(self) -> bool:
        """Whether some parameter has an update that reads the rows."""
        return any(step.reads_rows for _, step in self.overrides)

    @property
    def named(self) -> tuple[str, ...]:
        """The parameters with an M-step of their own."""
        return tuple(name for name, _ in self.overrides)

    def __call__(
        self, plan: Plan, q: Expectation, values: Values, names: tuple[str, ...]
    ) -> dict[str, Array]:
        """One sweep."""
        values = {**values, **{p.name: p.interior(values[p.name]) for p in q.model.parameters}}
        own = dict(self.overrides)
        for solver in plan.solvers:
            rest = tuple(n for n in solver.names if n not in own and n in names)
            values = _solve(_restrict(solver, rest, plan), plan, q, values)
            for name in solver.names:
                if name in own:
                    values = own[name](plan, q, values, (name,))
        return values


def _restrict(solver: Solver, names: tuple[str, ...], plan: Plan) -> Solver | None:
    """The solver for some of its parameters alone."""
    if names == solver.names:
        return solver
    if not names:
        return None
    return Sweep(tuple(plan.alone(name) for name in names), rounds=1)


def _solve(solver: Solver | None, plan: Plan, q: Expectation, values: dict[str, Array]):
    match solver:
        case Closed():
            return {**values, solver.name: _closed(solver, q, values)}
        case Block(kinked=True):
            penalty = Penalty(q.model, plan.kinks.centres)
            return {**values, **solve_kinked(solver, q, values, penalty)}
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


def _closed(solver: Closed, q: Expectation, values: Values) -> Array:
    p = q.model.parameter(solver.name)
    t = p.interior(values[p.name])
    points = jnp.stack([t, solver.form.other(t)])
    g, g2 = jax.vmap(jax.grad(lambda x: q({**values, p.name: x})))(points)
    return propose(solver.form, t, g, points[1], g2)[0]
