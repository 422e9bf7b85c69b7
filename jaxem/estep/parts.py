"""The division of rows, or sequences, into minibatches."""

import numpy as np


def deal(weights: np.ndarray, parts: int, rng: np.random.Generator) -> np.ndarray:
    """A random division into minibatches, the heaviest first, so that they are spread evenly.

    Args:
        weights: Weights of rows or sequences, (n,).
        parts: Number of minibatches.
        rng: A random generator.

    Returns:
        Indices of the rows of each minibatch, (parts, size); -1 fills up those that have one less.
    """
    shuffled = rng.permutation(len(weights))
    order = shuffled[np.argsort(-weights[shuffled], kind="stable")]
    size = -(-len(order) // parts)
    rounds = np.full(size * parts, -1)
    rounds[: len(order)] = order
    return rng.permuted(rounds.reshape(size, parts), axis=1).T


def in_slots(dealt: np.ndarray, size: int) -> np.ndarray:
    """Indices of minibatches, each filled up with -1 to a size, in one vector (parts * size,)."""
    slots = np.full((len(dealt), size), -1)
    slots[:, : dealt.shape[1]] = dealt
    return slots.ravel()
