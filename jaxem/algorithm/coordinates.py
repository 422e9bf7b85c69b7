r"""Real coordinates of the free parameters, as one vector, and weights of lengths in them.

Extrapolation needs coordinates without bounds: logarithms, logits, logarithms of probabilities,
Cholesky factors (`supports`). Lengths are weighted by the square root of a diagonal approximation
of the information: the logarithm of a probability p of a simplex by :math:`\sqrt p`, a logit by
:math:`\sqrt{p (1 - p)}`, so that a probability on its way to zero, whose logarithm goes to
-infinity, does not matter; a coordinate with a unit of its own by the inverse range of its leaf.
"""

import math

import jax.numpy as jnp

from jaxem.estep.expectation import Values
from jaxem.model import Model
from jaxem.model.prior import Parameter
from jaxem.types import Array

#: Logarithms and logits are extrapolated at most so far from the image of the EM map.
_LONGEST = 3.0


def flatten(model: Model, values: Values) -> Array:
    """Real coordinates (d,) of the free parameters."""
    return jnp.concatenate([_real(p, values[p.name]).ravel() for p in model.free])


def extrapolate(model: Model, u: Array, image: Values, extrapolated: Array) -> dict[str, Array]:
    """Parameters by dotted name with coordinates u, (d,), near the image of the EM map.

    Fixed parameters and exact zeros are those of the image, and no logarithm or logit is farther
    from it than `_LONGEST`. Where ``extrapolated`` is false, the image itself.
    """
    out, start = dict(image), 0
    for p in model.free:
        near = _real(p, image[p.name])
        v = u[start : start + near.size].reshape(near.shape)
        start += near.size
        if not p.support.is_real:
            v = jnp.clip(v, near - _LONGEST, near + _LONGEST)
        value = p.from_real(v).astype(image[p.name].dtype)
        moves = extrapolated & (image[p.name] != 0) if p.support.has_zero else extrapolated
        out[p.name] = jnp.where(moves, value, image[p.name])
    return out


def weights(model: Model, values: Values) -> Array:
    """Weight of each coordinate in a length, (d,)."""
    return jnp.concatenate([p.support.length_weights(values[p.name]).ravel() for p in model.free])


def width(model: Model) -> int:
    """Number of coordinates, d."""
    return sum(math.prod(p.support.real_shape(p.shape)) for p in model.free)


def _real(p: Parameter, t: Array) -> Array:
    return p.to_real(p.interior(t))
