"""One solver for parameters whose answers depend on one another."""

from jaxem.algebra.blocks import batch_axes, block_size, same_at_every_row
from jaxem.algebra.probe import Probe
from jaxem.algebra.solvers import Block, Solver, Sweep
from jaxem.model.prior import Parameter

#: Largest block for Newton's method; beyond it, gradient ascent.
LARGEST_BLOCK = 64

#: The same where the prior has kinks, and ascent would not find the zeros.
LARGEST_KINKED = 512


def largest(kinked: bool) -> int:
    """Unknowns of the largest block that is solved by second derivatives."""
    return LARGEST_KINKED if kinked else LARGEST_BLOCK


def solve_group(probe: Probe, trials, rng, group: list[str], members) -> Solver:
    """A joint block where there is one, else a sweep over the members."""
    if len(group) == 1:
        return members[group[0]]
    quadratic = all(isinstance(members[n], Block) and members[n].quadratic for n in group)
    closed = all(members[n].exact for n in group)
    if quadratic or not closed:
        kinked = any(isinstance(m, Block) and m.kinked for m in map(members.get, group))
        joint = _joint(probe, trials, rng, group, quadratic, kinked)
        if joint is not None:
            return joint
    return Sweep(tuple(members[n] for n in group))


def _joint(
    probe: Probe, trials, rng, group: list[str], quadratic: bool, kinked: bool
) -> Block | None:
    """Newton's method on all parameters of a cycle at once, in the blocks that they share."""
    parameters = tuple(p for p in probe.free if p.name in group)
    shared = _shared_leading(parameters)
    batch: tuple[int, ...] = ()
    if shared:
        found = batch_axes(probe, parameters, trials, rng)
        while len(batch) < len(shared) and len(batch) in found:
            batch = (*batch, len(batch))
    size = sum(block_size(p, batch) for p in parameters)
    if size > largest(kinked):
        return None
    names = tuple(p.name for p in parameters)
    flat = quadratic and same_at_every_row(probe, parameters, trials, rng)
    return Block(names, (batch,) * len(names), size, quadratic, flat, kinked)


def _shared_leading(parameters: tuple[Parameter, ...]) -> tuple[int, ...]:
    """Sizes of the leading non-event axes that all parameters have in common."""
    leading = [p.shape[: len(p.shape) - p.event_dim] for p in parameters]
    shared = []
    for sizes in zip(*leading, strict=False):
        if len(set(sizes)) > 1:
            break
        shared.append(sizes[0])
    return tuple(shared)
