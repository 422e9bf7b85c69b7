"""The loop over replicates that have data of their own, as a queue.

Lanes differ much in how many steps they need, and a batch that waits for its slowest wastes most of
its work. So all replicates wait in line, and a few passes at a time are made by as many of those
that still run as fill the machine: one program, whatever the number of replicates.
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.data.own import Own, with_own
from jaxem.estep.source import Source
from jaxem.model import Model
from jaxem.optimise.loop import Controls, run_chunk
from jaxem.optimise.moves import moves_of
from jaxem.optimise.state import State
from jaxem.status import Status
from jaxem.types import Array

#: Log factors of a pass that outweigh what a pass costs besides.
_ENTRIES = 2**14

#: A GPU is given so many times as much, to fill it.
_GPU = 64

#: Passes that a group of replicates makes before it is filled up again.
_PASSES = 2

#: Groups that one call of the compiled program lets run.
_GROUPS = 500


def group_size(replicates: int, entries: int) -> int:
    """How many replicates make a pass together.

    Args:
        replicates: All of them.
        entries: Log factors of one replicate.
    """
    scale = 1 if jax.default_backend() == "cpu" else _GPU
    return min(replicates, max(8, _ENTRIES * scale // entries))


def queue_function(model: Model, plan: Plan, algorithm: Algorithm) -> Any:
    """The program, for a plan to compile."""

    def one(state: State, own: Own, source: Source, controls: Controls) -> State:
        mine = with_own(source, own)
        moves = moves_of(model, plan, algorithm, mine)
        alone = jax.tree.map(lambda leaf: leaf[None], state)
        moved = run_chunk(moves, mine.rows, alone, controls, _PASSES)
        return jax.tree.map(lambda leaf: leaf[0], moved)

    def chunk(
        states: State, owner: Array, queue: Array, own: Own, source: Source, controls: Controls
    ) -> State:
        """Let groups of those that still run, the first in line, make a few passes each."""

        def unfinished(carry):
            count, states = carry
            return (count < _GROUPS) & jnp.any(states.status == Status.RUNNING)

        def group(carry):
            count, states = carry
            line = jnp.argsort(states.status != Status.RUNNING, stable=True)[queue]
            some = jax.tree.map(lambda leaf: leaf[line], states)
            theirs = jax.tree.map(lambda leaf: leaf[owner[line]], own)
            moved = jax.vmap(one, in_axes=(0, 0, None, None))(some, theirs, source, controls)
            return count + 1, jax.tree.map(lambda a, b: a.at[line].set(b), states, moved)

        return jax.lax.while_loop(unfinished, group, (0, states))[1]

    return chunk
