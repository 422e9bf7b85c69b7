r"""Free parameters as one vector of real coordinates, and a measure of lengths there.

Extrapolation needs a space without walls: logarithms, logits, logarithms of probabilities, Cholesky
factors (`numerics.charts`). Lengths are measured as the information does: the logarithm of a
probability p of a simplex counts with :math:`\sqrt p`, a logit with :math:`\sqrt{p (1 - p)}`, so
that a probability on its way to zero, whose logarithm never comes to rest, decides nothing; what
has a unit of its own is measured against the range of its leaf.
"""

import jax.numpy as jnp

from jaxem.estep.expectation import Values
from jaxem.model import Model
from jaxem.model.prior import Parameter
from jaxem.types import Array

#: A coordinate without a unit moves at most so far beyond the image of the EM map.
_LONGEST = 3.0

#: Supports on whose boundary, at zero, EM stays.
_ABSORBING = ("simplex", "positive", "unit")


def flatten(model: Model, values: Values) -> Array:
    """Real coordinates (d,) of the free parameters."""
    return jnp.concatenate([_real(p, values[p.name]).ravel() for p in model.free])


def extrapolate(model: Model, u: Array, image: Values, extrapolated: Array) -> dict[str, Array]:
    """Parameters with these coordinates, near the image of the EM map.

    Fixed parameters and exact zeros are those of the image, and no logarithm or logit is farther
    from it than a few units. Where it is no extrapolation, the image itself.
    """
    out, start = dict(image), 0
    for p in model.free:
        near = _real(p, image[p.name])
        v = u[start : start + near.size].reshape(near.shape)
        start += near.size
        if p.kind != "real":
            v = jnp.clip(v, near - _LONGEST, near + _LONGEST)
        value = p.from_real(v).astype(image[p.name].dtype)
        moves = extrapolated & (image[p.name] != 0) if p.kind in _ABSORBING else extrapolated
        out[p.name] = jnp.where(moves, value, image[p.name])
    return out


def weights(model: Model, values: Values) -> Array:
    """What a unit of each coordinate counts in a length, (d,)."""
    return jnp.concatenate([_weight(p, values[p.name]).ravel() for p in model.free])


def width(model: Model) -> int:
    """The number of coordinates, d."""
    return sum(_size(p.unconstrained_shape if p.kind == "other" else p.shape) for p in model.free)


def _real(p: Parameter, t: Array) -> Array:
    return p.to_real(p.interior(t))


def _weight(p: Parameter, t: Array) -> Array:
    if p.kind == "simplex":
        return jnp.sqrt(t)
    if p.kind == "unit":
        return jnp.sqrt(t * (1 - t))
    if p.kind == "positive_definite":
        return _relative(jnp.linalg.cholesky(t))
    if p.kind == "lower_cholesky":
        return _relative(t)
    if p.kind == "real" and t.size:
        range_ = jnp.max(t) - jnp.min(t)
        size = jnp.where(range_ > 0, range_, jnp.max(jnp.abs(t)))
        return jnp.broadcast_to(1 / jnp.where(size > 0, size, 1.0), t.shape)
    return jnp.ones_like(_real(p, t))


def _relative(lower: Array) -> Array:
    """Off the diagonal of a Cholesky factor, lengths in units of the diagonal."""
    eye = jnp.eye(lower.shape[-1], dtype=lower.dtype)
    scale = jnp.abs(jnp.diagonal(lower, axis1=-2, axis2=-1))[..., :, None]
    return eye + (1 - eye) / jnp.where(scale > 0, scale, 1.0)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size
