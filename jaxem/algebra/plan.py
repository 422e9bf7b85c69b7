"""A plan: for every parameter how its M-step is solved, in which order, and why.

A plan is made from values and derivatives of Q on a few dozen planning rows (`probe`), in float64.
It holds no data and no distribution, and is static under jit. The programs compiled for it serve
every data set of rows of the same form (`opened`); Q is evaluated on each data set anew.
"""

import dataclasses
from typing import Any

import jax
import numpy as np

from jaxem.algebra.anchors import Anchors, Refused, find_anchors
from jaxem.algebra.blocks import (
    batch_axes,
    block_size,
    by_least_squares,
    same_at_every_row,
)
from jaxem.algebra.candidates import candidate_forms
from jaxem.algebra.draws import ascend_apart, mix, random_responsibilities
from jaxem.algebra.factorise import splits
from jaxem.algebra.groups import LARGEST_EXACT, largest, solve_group
from jaxem.algebra.kinks import Kinks, find_kinks
from jaxem.algebra.levels import Level, levels
from jaxem.algebra.nonsmooth import nonsmooth_block, with_jumps
from jaxem.algebra.opened import Opened, fingerprint
from jaxem.algebra.order import Strengths, components, dependencies
from jaxem.algebra.probe import Probe, Values
from jaxem.algebra.prove import Trial, by_form, prove
from jaxem.algebra.reference import find_reference, ordinary_units
from jaxem.algebra.route import Route
from jaxem.algebra.solvers import Block, Climb, Closed, Solver
from jaxem.algebra.tables import Tables
from jaxem.compiled.program import CompiledProgram
from jaxem.compiled.programs import Programs
from jaxem.model import Model
from jaxem.model.known import known_of
from jaxem.model.prior import Parameter
from jaxem.numerics.rows import row_count
from jaxem.types import Data

_TRIALS = 3

#: Plans that are kept for one declaration and rows of one form.
_KEPT = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """The solvers of an M-step in the order of a sweep, and the programs compiled for them.

    Attributes:
        solvers: One for each group of parameters, in the order of a sweep.
        levels: The solvers grouped by the gradient of Q that they share.
        members: For each parameter, its solver when the others are given.
        ascents: Ordinary parameters for the planning rows, by dotted name: the `reference`, at
            which all states are alike, and coarse ascents from it, at which they differ.
        units: Lengths by which real coordinates move from the reference to change Q by a nat a row.
        strengths: Which answer depends on which parameter.
        reasons: For a parameter without a closed form, why.
        tables: The log joint in float64, compiled.
        kinks: The kinks of the log prior.
        programs: Compiled programs of this plan, those used last.
        compiled: Seconds of compilation, by algorithm, path and number of restarts.
        cancels: Results of the checks whether the log joint may lose digits by cancellation.
        found: The anchors of these data, by the fingerprint of the merged rows.
        seconds: Measured seconds of E-steps, so that equal fits take equal paths.
        route: In the plan of a `Fit`: the path of the data, and the guards' observations.
    """

    solvers: tuple[Solver, ...]
    levels: tuple[Level, ...]
    members: dict[str, Closed | Block | Climb]
    ascents: tuple[Values, ...]
    units: Values
    strengths: Strengths
    reasons: dict[str, str]
    tables: Tables
    kinks: Kinks
    programs: Programs = dataclasses.field(default_factory=Programs)
    compiled: dict[Any, float] = dataclasses.field(default_factory=dict)
    cancels: dict[Any, bool] = dataclasses.field(default_factory=dict)
    found: dict[bytes, Anchors | Refused] = dataclasses.field(default_factory=dict)
    seconds: dict[Any, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    route: Route | None = None

    @property
    def exact(self) -> bool:
        """Whether one sweep is the exact joint M-step."""
        return all(solver.exact for solver in self.solvers)

    @property
    def reference(self) -> Values:
        """The reference parameters: ordinary for the planning rows, all states alike."""
        return self.ascents[0]

    @property
    def spread(self) -> Values:
        """Largest distance of ordinary values from the reference, real parameters by name."""
        reference, *others = self.ascents
        real = [name for name, member in self.members.items() if name in reference]
        return {n: np.max([np.abs(o[n] - reference[n]) for o in others], axis=0) for n in real}

    @property
    def verdict(self) -> str:
        """Whether one sweep is the exact M-step, in words."""
        if self.exact:
            return "one sweep is the exact M-step"
        if all(isinstance(solver, Closed | Block) for solver in self.solvers):
            return "one sweep is the exact M-step, as far as Newton's method converges"
        return "a sweep raises Q but need not reach its maximum (generalised EM)"

    @property
    def nonsmooth(self) -> tuple[str, ...]:
        """The parameters in which Q has kinks, by dotted name."""
        return tuple(n for n, m in self.members.items() if isinstance(m, Block) and m.nonsmooth)

    def solver_of(self, name: str) -> Solver:
        """The solver of the group that a parameter belongs to."""
        return next(solver for solver in self.solvers if name in solver.names)

    def alone(self, name: str) -> Closed | Block | Climb:
        """The solver of one parameter when the others are given."""
        return self.members[name]

    def program(self, key: Any, function: Any, brief: bool = False) -> Any:
        """The compiled program of a function, cached for fits of this plan; see `Programs`."""
        return self.programs.compiled(key, function, brief=brief)

    def sharing(self, other: "Plan") -> "Plan":
        """This plan with the programs and measurements of another one of equal solvers."""
        return dataclasses.replace(
            self,
            programs=other.programs,
            compiled=other.compiled,
            seconds=other.seconds,
            cancels=other.cancels,
        )


def make_plan(model: Model, data: Data, weights: Any, starts: np.ndarray | None = None) -> Plan:
    """Check rows and plan the M-step of a model for them, or return the plan already made.

    A plan for other rows of the same form is made with the compiled programs of the first, and
    shares the programs of its solvers if these are the same; so does a plan of another model whose
    declaration has the same digest.

    Args:
        model: The declared model.
        data: A pytree of NumPy arrays with n rows.
        weights: Row weights, shape (n,).
        starts: For steps of sequences, which of them begin one, (n,).

    Returns:
        The plan.

    Raises:
        DeclarationError: If the log joint is not finite at ordinary parameters.
    """
    known = known_of(model, data)
    key = row_count(data), fingerprint((data, np.asarray(weights) > 0, starts))
    if key in known.plans:
        return known.plans[key]
    if known.opened is None:
        known.opened = Opened.of(known.model, kinks_of(known.model), known.identity("opened"))
    opened = known.opened
    opened.check(data, weights, starts)
    plan = _plan(opened.probe(data, weights), opened.tables, opened.kinks)
    for other in tuple(known.plans.values()):
        if (other.levels, other.members) == (plan.levels, plan.members):
            plan = plan.sharing(other)
            break
    else:
        identity = known.identity("plan", plan.levels, plan.members)
        plan = dataclasses.replace(plan, programs=Programs(identity))
    known.plans[key] = plan
    for old in tuple(known.plans)[:-_KEPT]:
        known.plans.pop(old, None)
    return plan


def kinks_of(model: Model, plan: Plan | None = None) -> Kinks:
    """The kinks of the log prior of a model; those of its plan if one is given."""
    if plan is not None:
        return plan.kinks
    return find_kinks(model, lambda function: CompiledProgram(function, "log prior", brief=True))


def replace_data(plan: Plan, model: Model, data: Data) -> Anchors | Refused:
    """Find the anchors of data, or return those already found for these data.

    Args:
        plan: The plan of the model.
        model: The declared model.
        data: Rows without repetitions, NumPy leaves.
    """
    key = fingerprint(data)
    found = plan.found.get(key)
    if found is None:
        rng = np.random.default_rng(0)
        fixed = {k: model.parameter(k).floored(v) for k, v in model.fixed.items()}

        def draw() -> Values:
            with jax.enable_x64(True):
                return {**fixed, **mix(model.free, plan.ascents, rng)}

        reference = {**fixed, **plan.reference}
        with np.errstate(all="ignore"):
            found = find_anchors(plan.tables, draw, reference, data)
        plan.found.clear()  # one data set at a time: coefficients may be large
        plan.found[key] = found
    return found


def step_splits(plan: Plan, model: Model, found: Anchors) -> bool:
    """Whether the log joint of a chain's step is transition plus emission, on these data."""
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        draws = [{**model.fixed, **mix(model.free, plan.ascents, rng)} for _ in range(_TRIALS)]
    return splits(plan.tables, draws, found, model.latent.size)


def _plan(probe: Probe, tables: Tables, kinks: Kinks) -> Plan:
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        with jax.enable_x64(True):
            reference = find_reference(probe, rng)
            ascents = (reference, *ascend_apart(probe, reference, rng))
            units = ordinary_units(probe, reference, rng)
        trials = _trials(probe, ascents, rng)
        members, answers, reasons = _solve_each(probe, trials, rng, kinks)
        strength, coupled = dependencies(probe, trials, answers, rng)
        batches = {
            n: m.batch[0] for n, m in members.items() if isinstance(m, Block) and m.nonsmooth
        }
        strength = with_jumps(strength, probe, batches, trials, rng)
        groups = components(strength, list(members))
        solvers = tuple(solve_group(probe, trials, rng, group, members) for group in groups)
    side_by_side = levels(solvers, strength, coupled)
    return Plan(solvers, side_by_side, members, ascents, units, strength, reasons, tables, kinks)


def _trials(probe: Probe, ascents: tuple[Values, ...], rng: np.random.Generator) -> list[Trial]:
    with jax.enable_x64(True):
        draws = [mix(probe.free, ascents, rng) for _ in range(_TRIALS + 1)]
    return [
        Trial(draws[i], (draws[i - 1],), random_responsibilities(probe, rng, 1.0))
        for i in range(_TRIALS)
    ]


def _solve_each(probe: Probe, trials: list[Trial], rng: np.random.Generator, kinks: Kinks):
    """For each parameter its solver when the others are given, with answers and reasons."""
    members, answers, reasons = {}, {}, {}
    for p in probe.free:
        batch = batch_axes(probe, (p,), trials, rng)
        size = block_size(p, batch)
        kinked = p.name in kinks.centres
        if p.support.is_real and size <= LARGEST_EXACT:
            proof = prove(probe, p, by_least_squares(probe, p, batch), trials)
            if proof.accepted:
                flat = same_at_every_row(probe, (p,), trials, rng)
                members[p.name] = Block((p.name,), (batch,), size, True, flat, kinked)
                if not kinked:  # else it is the answer of the smooth part of Q alone
                    answers[p.name] = proof.answers
                continue
        for form in () if kinked else candidate_forms(probe, p, trials):
            proof = prove(probe, p, by_form(probe, p, form), trials)
            if proof.accepted:
                members[p.name] = Closed(p.name, form)
                answers[p.name] = proof.answers
                break
        else:
            found = nonsmooth_block(probe, p, trials, rng, kinks)
            if found is not None:
                members[p.name], reasons[p.name] = found, "its Q has kinks"
                continue
            members[p.name], reasons[p.name] = _fallback(p, batch, size, kinked)
    for name in members:
        words = [said for said in (kinks.words(name), reasons.get(name)) if said]
        reasons.update({name: "; ".join(words)} if words else {})
    return members, answers, reasons


def _fallback(
    p: Parameter, batch: tuple[int, ...], size: int, kinked: bool
) -> tuple[Block | Climb, str]:
    if size <= largest(kinked):
        reason = "no closed form was proved"
        return Block((p.name,), (batch,), size, quadratic=False, kinked=kinked), reason
    reason = f"no closed form was proved, and a block has {size} numbers"
    return Climb((p.name,), reason), reason
