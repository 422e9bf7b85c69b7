"""The solver of a group of parameters whose maximisers depend on one another."""

from jaxem.algebra.blocks import batch_axes, block_size, same_at_every_row
from jaxem.algebra.nonsmooth import LARGEST, separate_axes
from jaxem.algebra.probe import Probe
from jaxem.algebra.solvers import Block, Solver, Sweep
from jaxem.model.prior import Parameter

#: Largest block for Newton's method; beyond it, gradient ascent.
LARGEST_BLOCK = 64

#: Largest block for Newton's method where one step is exact, or where the prior has kinks, at which
#: ascent would not find the zeros.
LARGEST_EXACT = 512


def largest(kinked: bool) -> int:
    """Unknowns of the largest block that is solved by second derivatives."""
    return LARGEST_EXACT if kinked else LARGEST_BLOCK


def solve_group(probe: Probe, trials, rng, group: list[str], members) -> Solver:
    """A joint block for the group if it is small enough, else a sweep over its members."""
    if len(group) == 1:
        return members[group[0]]
    broken = [n for n in group if _is_nonsmooth(members[n])]
    if broken:
        rest = [members[n] for n in group if n not in broken]
        blocks = (*_with_kinks(probe, trials, rng, broken, members), *rest)
        return blocks[0] if len(blocks) == 1 else Sweep(blocks)
    quadratic = all(isinstance(members[n], Block) and members[n].quadratic for n in group)
    closed = all(members[n].exact for n in group)
    if quadratic or not closed:
        kinked = any(isinstance(m, Block) and m.kinked for m in map(members.get, group))
        joint = _joint(probe, trials, rng, group, quadratic, kinked)
        if joint is not None:
            return joint
    return Sweep(tuple(members[n] for n in group))


def _is_nonsmooth(member) -> bool:
    return isinstance(member, Block) and member.nonsmooth


def _with_kinks(probe: Probe, trials, rng, names: list[str], members) -> tuple[Block, ...]:
    """Parameters in which Q has kinks, jointly where a block is small enough, else one by one."""
    parameters = tuple(p for p in probe.free if p.name in names)
    batch = _leading(separate_axes(probe, parameters, trials, rng), _shared_leading(parameters))
    size = sum(block_size(p, batch) for p in parameters)
    if len(names) == 1 or size > LARGEST:
        return tuple(members[n] for n in names)
    together = tuple(p.name for p in parameters)
    return (Block(together, (batch,) * len(together), size, False, nonsmooth=True),)


def _leading(found: tuple[int, ...], shared: tuple[int, ...]) -> tuple[int, ...]:
    """The longest run 0, 1, ... of leading axes that are all among those found."""
    batch: tuple[int, ...] = ()
    while len(batch) < len(shared) and len(batch) in found:
        batch = (*batch, len(batch))
    return batch


def _joint(
    probe: Probe, trials, rng, group: list[str], quadratic: bool, kinked: bool
) -> Block | None:
    """Newton's method on all parameters of a cycle at once, in the blocks that they share."""
    parameters = tuple(p for p in probe.free if p.name in group)
    shared = _shared_leading(parameters)
    batch: tuple[int, ...] = ()
    if shared:
        batch = _leading(batch_axes(probe, parameters, trials, rng), shared)
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
