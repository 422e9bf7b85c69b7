r"""The most probable path of each chain (Viterbi 1967).

:math:`\delta_t(b) = \max_a \delta_{t-1}(a) + f_t(a, b)`, and the maximising states followed back
from the best last one; of equals the first.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.latent.links import Dense, Links, Split, inputs_of, matrices
from jaxem.types import Array


def best_path(links: Links) -> tuple[Array, Array]:
    """Log joint of the best path of each sequence (n,), and its states (T, n).

    Past the end of a short sequence its last state is repeated.
    """
    states = jnp.arange(links.start.shape[-1])

    def step(score, inputs):
        factors, valid = inputs
        through = score[:, :, None] + matrices(links.steps, factors)
        pointer = jnp.argmax(through, axis=1)
        new = jnp.max(through, axis=1)
        pointer = jnp.where(valid[:, None], pointer, states)
        return jnp.where(valid[:, None], new, score), pointer

    score, pointers = jax.lax.scan(step, links.start, (inputs_of(links.steps), links.valid))
    last = jnp.argmax(score, axis=-1)

    def back(state, pointer):
        earlier = jnp.take_along_axis(pointer, state[:, None], axis=1)[:, 0]
        return earlier, state

    first, path = jax.lax.scan(back, last, pointers, reverse=True)
    return jnp.max(score, axis=-1), jnp.concatenate([first[None], path], 0)


def indicators(links: Links, path: Array, earlier: slice | np.ndarray) -> Links:
    """The posterior as `Links` if these states were certain.

    Args:
        links: The factors.
        path: States, (T, n).
        earlier: Which step each step after the start depends on.
    """
    states = links.start.shape[-1]
    dtype = links.start.dtype
    held = (path[..., None] == jnp.arange(states)).astype(dtype)
    before, later = held[earlier], jnp.where(links.valid[..., None], held[1:], 0.0)
    if isinstance(links.steps, Dense):
        steps: Dense | Split = Dense(before[..., :, None] * later[..., None, :])
    else:
        steps = Split(jnp.einsum("tna,tnb->nab", before, later), later)
    return Links(held[0], steps, links.valid)
