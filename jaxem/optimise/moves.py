"""The moves of the loop, bound to an algorithm, a model, its plan and data."""

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.data.own import Own, with_own
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.optimise.loop import Controls, Moves, run_chunk
from jaxem.optimise.state import State


def moves_of(
    model: Model, plan: Plan, algorithm: Algorithm, source: Source, finish: bool = False
) -> Moves:
    """The moves of an algorithm on these data.

    Args:
        model: The declared model.
        plan: What the algebra found.
        algorithm: The algorithm.
        source: The data.
        finish: Whether a quasi-Newton climb between chunks extrapolates, too.
    """

    def step(values, memory):
        return algorithm.step(model, plan, values, source, memory)

    def propose(memory, values, image):
        return algorithm.propose(model, memory, values, image)

    def refuse(memory, image):
        return algorithm.refuse(model, memory, image)

    def between(a, b):
        return {p.name: _midpoint(p, a[p.name], b[p.name]) for p in model.parameters}

    backtracks, extrapolates = algorithm.m_step.trusted, algorithm.extrapolates or finish
    return Moves(step, propose, refuse, between, extrapolates, backtracks)


def chunk_function(model: Model, plan: Plan, algorithm: Algorithm, finish: bool):
    """A chunk of passes: states, what of the data each has, what all share, and controls."""

    def chunk(states: State, own: Own | None, source: Source, controls: Controls) -> State:
        def moves(own: Own | None) -> Moves:
            replicate = source if own is None else with_own(source, own)
            return moves_of(model, plan, algorithm, replicate, finish)

        return run_chunk(moves, source.rows, states, own, controls)

    return chunk


def _midpoint(p, a, b):
    """Half way; on the straight line where the support is known to be convex."""
    if p.support.is_convex or p.fixed is not None:
        return (a + b) / 2
    return p.constrain((p.unconstrain(a) + p.unconstrain(b)) / 2)
