r"""The marginal likelihood of hyper-parameters by Laplace's approximation, and its gradient.

With h the hyper-parameters, L the log posterior density in unconstrained coordinates (Jacobian
included, as in `jaxem.posterior.laplace`), u its mode and I its negative Hessian there,

.. math:: \log m(h) = L(u, h) + \tfrac d2 \log 2 \pi - \tfrac12 \log |I(u, h)|,

.. math:: \frac{d \log m}{d h} = \frac{\partial L}{\partial h} - \tfrac12 \operatorname{tr}
    \left( I^{-1} \frac{d I}{d h} \right), \qquad
    \frac{d u}{d h} = I^{-1} \frac{\partial^2 L}{\partial u\,\partial h}.

The first term has no derivative through the mode, where L is flat; the second has, by the implicit
function theorem (Tierney and Kadane 1986; MacKay 1992; Kass and Steffey 1989). It is exact where L
is quadratic.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxem.derivatives.posterior import Density, Inputs, PosteriorFamily, hessian
from jaxem.likelihood.unconstrained import parameters, sites
from jaxem.numerics.newton import climb
from jaxem.types import Array, Data


def marginal_function(posterior: PosteriorFamily, real: Callable[[Array], Any]):
    """A function of coordinates to start at, real coordinates of h (p,), inputs, and the rest.

    It returns log m, its gradient (p,), and the mode (d,); NaN where there is none.

    Args:
        posterior: The log posterior.
        real: From real coordinates (p,) to hyper-parameters.
    """

    def marginal(start: Array, h: Array, inputs: Inputs, rest: Data):
        density = _density(posterior, real, inputs, rest)
        top = climb(lambda u: density(u, h), start)
        u = jnp.where(top.reached & top.is_peak, top.u, jnp.nan)
        information = -(top.hessian + top.hessian.T) / 2
        factor = jnp.linalg.cholesky(information)
        inverse = jax.scipy.linalg.cho_solve((factor, True), jnp.eye(u.size, dtype=u.dtype))
        volume = u.size * jnp.log(2 * jnp.pi) / 2 - jnp.log(jnp.diagonal(factor)).sum()
        slope = jax.grad(density, argnums=1)(u, h)

        def along(direction: Array) -> Array:
            def gradient(h: Array) -> Array:
                return jax.grad(density)(u, h)

            move = inverse @ jax.jvp(gradient, (h,), (direction,))[1]
            change = jax.jvp(lambda u, h: hessian(density, u, h), (u, h), (move, direction))[1]
            return slope @ direction + (inverse * change).sum() / 2

        gradient = jax.lax.map(along, jnp.eye(h.size, dtype=h.dtype))
        return density(u, h) + volume, gradient, u

    return marginal


def _density(
    posterior: PosteriorFamily, real: Callable[[Array], Any], inputs: Inputs, rest: Data
) -> Density:
    def density(u: Array, h: Array) -> Array:
        values, volume = parameters(posterior.model, sites(posterior.model, u))
        replaced = inputs._replace(hyper=real(h))
        return posterior.log_posterior(values, replaced, rest) + volume

    return density
