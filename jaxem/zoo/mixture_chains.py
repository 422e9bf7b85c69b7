r"""Hidden Markov models whose states emit mixtures.

The component :math:`c_t` of a step is a second latent that depends on the state of the step and on
nothing before it. It is declared as a part of the state, ``Chain(state=S, component=M)``: every
M-step then keeps its closed form, and a step of EM is that of the textbook. The alternative, a sum
over components inside the log joint, would leave S states and no closed form for weights, locations
and covariances, which would need gradient ascent. The price is arithmetic: a step of the recursion
costs :math:`(SM)^2` in place of :math:`S^2 + SM`; the transition matrix is one for all steps, so
memory grows only with :math:`SM`.

Source:
    L. R. Rabiner (1989), "A tutorial on hidden Markov models and selected applications in speech
    recognition", Proceedings of the IEEE 77, section IV.A.
"""

from typing import Any

import numpyro.distributions as dist
from numpyro.distributions import constraints

from jaxem.latent import Chain
from jaxem.model import Model, flat
from jaxem.model.copied import declared_by
from jaxem.types import Array, Params
from jaxem.zoo.gaussian import Covariance, emissions
from jaxem.zoo.markov import free_moves


@declared_by
def gaussian_mixture_chain(
    states: int,
    components: int,
    features: int,
    covariance: Covariance = "full",
    *,
    initial_concentration: Any = None,
    transition_concentration: Any = None,
) -> Model:
    """A hidden Markov model whose S states each emit a mixture of M Gaussians in D dimensions.

    Parameters of the model: `initial` (S,), `transition` (S, S), `weights` (S, M), `loc` (S, M, D),
    and `cov` (S, M, D, D) if full, (D, D) if tied, or `variance` (S, M, D) if diagonal, (S, M) if
    spherical. Data are (sequence, time, D). Responsibilities and paths are those of the S M pairs
    of state and component, the component fastest:
    ``responsibilities.reshape(n, T, S, M).sum(-1)`` and ``path // M`` are those of states.

    Args:
        states: Number of states S.
        components: Number of components M of each state.
        features: Number of features D.
        covariance: "full", "tied", "diagonal" or "spherical".
        initial_concentration: Dirichlet prior of `initial`: a number, or S; None is flat.
        transition_concentration: The same of the rows of `transition`: a number, S, or (S, S).

    Raises:
        DeclarationError: If the covariance is unknown or a concentration has the wrong shape.
    """
    log_density, prior = emissions((states, components), features, covariance)
    moves = free_moves(states, initial_concentration, transition_concentration)

    def log_joint(params: Params, z_prev: dict[str, Array] | None, z: dict[str, Array], x: Array):
        state, component = z["state"], z["component"]
        before = None if z_prev is None else z_prev["state"]
        log_weight = dist.CategoricalProbs(params["weights"][state]).log_prob(component)
        log_move = moves.log_prob(params, before, state, x)
        return log_move + log_weight + log_density(params, (state, component), x)

    weights = flat((states, components), constraints.simplex)
    return Model(
        log_joint,
        latent=Chain(state=states, component=components),
        prior={**moves.prior, "weights": weights, **prior},
    )
