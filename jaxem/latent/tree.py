r"""Hidden states on the nodes of a tree: the state of each node depends on that of its parent.

The evidence is a sum over the states of all nodes, computed from the leaves to the root in time
proportional to the number of nodes (Felsenstein 1981). A chain is a tree without branches.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxem.latent import pruning
from jaxem.latent.links import Dense, Links
from jaxem.latent.markov import Markov, directional
from jaxem.latent.rounds import Rounds, in_rounds
from jaxem.numerics.logspace import log_sum_exp
from jaxem.types import Array, DeclarationError


class Tree(Markov):
    """One hidden state a node of a tree, the same tree for every datum: ``Tree(parents, 4)``.

    The log joint is that of one node given the state of its parent, ``log_joint(params, z_parent,
    z, x)``; at the root ``z_parent`` is None. Data have leaves (datum, node, ...), nodes in the
    order of ``parents``. Constants of an edge, such as a branch length, are indexed by a number of
    the node that is in the data. A node that was not observed, such as the inner ones of a
    phylogeny, is masked in the data, and its datum left out of the log joint.

    Args:
        parents: The parent of each node, (N,): -1 for the root, which is node 0, and for any other
            node the index of one before it.
        size: The number of states of a node.
        **sizes: Or the number of states of each named part, as in `Finite`.

    Raises:
        DeclarationError: If the parents are no tree in such an order, or a size is not a positive
            integer.
    """

    parents: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, parents: Any, size: int | None = None, /, **sizes: int):
        self.parents = _checked(parents)
        if (size is None) == (not sizes):
            raise DeclarationError(
                "Tree takes parents, and then one number of states, Tree(parents, 4), or named "
                "ones, Tree(parents, base=4, rate=2)."
            )
        super().__init__(size, **sizes)

    @property
    def nodes(self) -> int:
        """The number of nodes, N."""
        return len(self.parents)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments of the log joint between parameters and datum."""
        return ("z_parent", "z")

    def earlier(self, later: int) -> np.ndarray:
        """See `Markov`: the parents, and the root for filler rows."""
        earlier = np.zeros(later, int)
        earlier[: self.nodes - 1] = self.parents[1:]
        return earlier

    def log_partition(self, factors: Links, axis: int = -1) -> Array:
        """Log evidence of each datum, (n,); differentiable."""
        return _log_partition(self.parents, factors.start, factors.steps, factors.valid)

    def posterior(self, factors: Links, axis: int = -1) -> tuple[Array, Links]:
        """See `Latent`."""
        return _posterior(self.parents, factors)

    def best(self, factors: Links) -> tuple[Array, Array]:
        """See `Markov`."""
        value, states = pruning.best_states(_of_nodes(self.parents, factors), self._rounds())
        return value, _filled(states, len(factors.valid) + 1)

    def sample(self, factors: Links, key: Array) -> Array:
        """See `Markov`."""
        links = _of_nodes(self.parents, factors)
        drawn = pruning.drawn_states(links, self._rounds(), key)
        return _filled(drawn, len(factors.valid) + 1)

    def _rounds(self) -> Rounds:
        return in_rounds(self.parents)

    def __repr__(self) -> str:
        return f"Tree({self.nodes} nodes, {super().__repr__().split('(', 1)[1]}"


def _log_partition_of(parents: tuple[int, ...], start: Array, steps: Any, valid: Array) -> Array:
    links = _of_nodes(parents, Links(start, steps, valid))
    return log_sum_exp(pruning.upward(links, in_rounds(parents)).root)


_log_partition = jax.custom_jvp(_log_partition_of, nondiff_argnums=(0,))


@_log_partition.defjvp
def _log_partition_jvp(parents: tuple[int, ...], primals, tangents):
    value, weights = _posterior(parents, Links(*primals))
    return value, directional(weights, tangents[0], tangents[1])


def _posterior(parents: tuple[int, ...], links: Links) -> tuple[Array, Links]:
    later, own = len(links.valid), np.asarray(parents[1:], int)
    nodes = _of_nodes(parents, links)
    evidence, responsibilities = pruning.posterior(nodes, in_rounds(parents), own)
    if isinstance(responsibilities.steps, Dense):
        steps: Any = Dense(_filled(responsibilities.steps.factors, later))
    else:
        steps = responsibilities.steps._replace(
            emission=_filled(responsibilities.steps.emission, later)
        )
    return evidence, Links(responsibilities.start, steps, links.valid)


def _of_nodes(parents: tuple[int, ...], links: Links) -> Links:
    """The factors without filler rows of a block."""
    later = len(parents) - 1
    if isinstance(links.steps, Dense):
        steps: Any = Dense(links.steps.factors[:later])
    else:
        steps = links.steps._replace(emission=links.steps.emission[:later])
    return Links(links.start, steps, links.valid[:later])


def _filled(values: Array, count: int) -> Array:
    """Values of nodes with zeros for the filler rows, `count` in all."""
    return jnp.pad(values, [(0, count - len(values)), *[(0, 0)] * (values.ndim - 1)])


def _checked(parents: Any) -> tuple[int, ...]:
    given = np.asarray(parents)
    if given.ndim != 1 or not given.size or given.dtype.kind not in "iu":
        raise DeclarationError(
            f"Tree(parents, size) takes the parent of each node first, integers with -1 for the "
            f"root, such as Tree([-1, 0, 0], 4); got {parents!r}."
        )
    if given[0] != -1:
        raise DeclarationError(f"parents[0] is {given[0]}; node 0 is the root, and its parent -1.")
    wrong = np.flatnonzero((given[1:] < 0) | (given[1:] >= np.arange(1, len(given)))) + 1
    if len(wrong):
        node, parent = int(wrong[0]), int(given[wrong[0]])
        why = (
            "a tree has one root, node 0; give several trees as several data, or join them"
            if parent == -1
            else "a parent is a node, and comes before its children"
        )
        raise DeclarationError(f"parents[{node}] is {parent}: {why}.")
    return tuple(int(parent) for parent in given)
