r"""Damped Anderson acceleration of EM with restarts (DAAREM, Henderson and Varadhan 2019).

With residuals :math:`f_k = F(u_k) - u_k` and the differences :math:`\Delta F, \Delta U` of the
latest points, the extrapolation is :math:`F(u_k) - (\Delta U + \Delta F) \gamma`, where
:math:`\gamma` makes :math:`\lVert f_k - \Delta F \gamma \rVert` small: a secant method for
:math:`f(u) = 0`. It is damped as in a trust region: of all :math:`\gamma` of ridge regression the
one whose squared length is :math:`\delta` times that of least squares, with :math:`\delta = 1 / (1
+ a^{\kappa - s})`, where s counts extrapolations that were accepted and is lowered by those that
were refused. When as many differences as allowed were used, they are all forgotten.

    N. C. Henderson and R. Varadhan (2019), "Damped Anderson acceleration with restarts and
    monotonicity control for accelerating EM and EM-like algorithms", Journal of Computational and
    Graphical Statistics 28, 834-846; a = 1.2 and kappa = 25 are theirs.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algorithm.algorithm import Proposal
from jaxem.algorithm.coordinates import extrapolate, flatten, weights, width
from jaxem.algorithm.wrapped import Wrapped
from jaxem.estep.expectation import Values
from jaxem.model import Model
from jaxem.types import Array, DeclarationError

_A, _KAPPA = 1.2, 25.0
_BISECTIONS = 16


class Secants(NamedTuple):
    """The memory of Anderson acceleration.

    Attributes:
        count: Number of differences that are held, plus one; 0 where no point is held.
        point: Coordinates of the last point, (d,).
        residual: The EM step from that point, (d,).
        moves: Differences of points, (m, d).
        changes: Differences of residuals, (m, d).
        trust: The exponent s: accepted extrapolations, less a cost for refused ones.
    """

    count: Array
    point: Array
    residual: Array
    moves: Array
    changes: Array
    trust: Array


@dataclasses.dataclass(frozen=True)
class Anderson(Wrapped):
    """EM with damped Anderson acceleration, restarted.

    Args:
        algorithm: The EM that is accelerated, ``EM()`` if left out.
        order: At most so many differences are used; and no more than half the parameters.
    """

    order: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.order, bool) or not isinstance(self.order, int) or self.order < 1:
            raise DeclarationError(f"order must be an integer of at least 1; got {self.order!r}.")

    @property
    def sentence(self) -> str:
        """The algorithm in words."""
        return (
            f"damped Anderson acceleration around EM: extrapolations by the last {self.order} "
            f"steps at most; where one lowers the objective the EM step is taken, and they are "
            f"forgotten"
        )

    def memory(self, model: Model, dtype: Any) -> Secants:
        """The memory without differences."""
        size = width(model)
        held = min(self.order, -(-size // 2))
        zero: Any = np.zeros((), np.int32)
        zeros, zero_rows = np.zeros(size, dtype), np.zeros((held, size), dtype)
        return Secants(zero, zeros, zeros, zero_rows, zero_rows, zero)  # pyright: ignore

    def propose(self, model: Model, memory: Secants, values: Values, image: Values) -> Proposal:
        """The extrapolation; the image while there is no difference."""
        u, u_image = flatten(model, values), flatten(model, image)
        residual, held = u_image - u, memory.moves.shape[0]
        latest = (jnp.arange(held) == memory.count - 1)[:, None]
        moves = jnp.where(latest, u - memory.point, memory.moves)
        changes = jnp.where(latest, residual - memory.residual, memory.changes)
        used = (jnp.arange(held) < memory.count)[:, None]
        scale = weights(model, values)
        damping = 1 / (1 + _A ** (_KAPPA - memory.trust.astype(u.dtype)))
        gamma = _damped(jnp.where(used, changes, 0.0) * scale, residual * scale, damping)
        target = u_image - gamma @ jnp.where(used, moves + changes, 0.0)
        extrapolated = (memory.count > 0) & jnp.all(jnp.isfinite(target))
        after = Secants(
            count=jnp.where(memory.count >= held, 1, memory.count + 1),
            point=u,
            residual=residual,
            moves=moves,
            changes=changes,
            trust=jnp.minimum(memory.trust + extrapolated, int(2 * _KAPPA)),
        )
        return Proposal(extrapolate(model, target, image, extrapolated), after, extrapolated)

    def refuse(self, model: Model, memory: Secants, image: Values) -> Proposal:
        """The image; the differences are forgotten, and the next extrapolation is damped more."""
        held = memory.moves.shape[0]
        trust = jnp.maximum(memory.trust - 1 - held, -int(2 * _KAPPA))
        after = memory._replace(count=jnp.zeros_like(memory.count), trust=trust)
        return Proposal(dict(image), after, jnp.zeros((), bool))


def _damped(changes: Array, residual: Array, share: Array) -> Array:
    """Coefficients (m,) of ridge regression whose squared length is a share of least squares'.

    The differences are brought to unit length first; the ridge is found by bisection of its
    logarithm.
    """
    eps = jnp.finfo(residual.dtype).eps
    size = jnp.sqrt(jnp.sum(changes**2, 1))
    scale = jnp.where(size > 0, size, 1.0)
    unit = changes / scale[:, None]
    gram, along = unit @ unit.T, unit @ residual
    eye = jnp.eye(len(gram), dtype=gram.dtype)

    def solve(ridge: Array) -> Array:
        factor = jnp.linalg.cholesky(gram + ridge * eye)
        half = jax.scipy.linalg.solve_triangular(factor, along, lower=True)
        return jax.scipy.linalg.solve_triangular(factor.T, half)

    def length(ridge: Array) -> Array:
        return jnp.sum((solve(ridge) / scale) ** 2)

    lowest = jnp.log(jnp.asarray(100 * eps, gram.dtype))
    wanted = share * length(jnp.exp(lowest))

    def bisect(_, ends):
        low, high = ends
        middle = (low + high) / 2
        long = length(jnp.exp(middle)) > wanted
        return jnp.where(long, middle, low), jnp.where(long, high, middle)

    highest = jnp.asarray(jnp.log(1e6), gram.dtype)
    low, high = jax.lax.fori_loop(0, _BISECTIONS, bisect, (lowest, highest))
    return solve(jnp.exp((low + high) / 2)) / scale
