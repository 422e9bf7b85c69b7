"""The same Gaussian hidden Markov models with hmmlearn and with dynamax, priors switched off."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from dynamax.hidden_markov_model import DiagonalGaussianHMM
from hmmlearn.hmm import GaussianHMM


def hmmlearn(data: np.ndarray, starts: dict, steps: int, implementation: str) -> list[GaussianHMM]:
    """All restarts, one after another.

    Args:
        data: Shape (n, T, D).
        starts: Parameters with a leading axis of restarts.
        steps: EM steps.
        implementation: "log" or "scaling", as hmmlearn calls its two recursions.

    Returns:
        The fitted models.
    """
    lanes = range(len(starts["loc"]))
    return [_fit(data, starts, lane, steps, implementation) for lane in lanes]


def _fit(data: np.ndarray, starts: dict, lane: int, steps: int, implementation: str) -> GaussianHMM:
    model = GaussianHMM(
        starts["loc"].shape[1],
        covariance_type="diag",
        min_covar=0,
        startprob_prior=1,
        transmat_prior=1,
        means_weight=0,
        covars_prior=0,
        covars_weight=0,
        n_iter=steps,
        tol=-np.inf,
        init_params="",
        implementation=implementation,
    )
    model.startprob_ = starts["initial"][lane]
    model.transmat_ = starts["transition"][lane]
    model.means_ = starts["loc"][lane]
    model.covars_ = starts["scale"][lane] ** 2
    count, horizon, features = data.shape
    return model.fit(data.reshape(-1, features), [horizon] * count)


def ends_of(models: list[GaussianHMM], data: np.ndarray) -> np.ndarray:
    """Log likelihoods at the parameters returned, (R,)."""
    count, horizon, features = data.shape
    steps = data.reshape(-1, features)
    return np.array([model.score(steps, [horizon] * count) for model in models])


def dynamax(data: np.ndarray, starts: dict) -> Callable[[int], Any]:
    """A compiled fit of one start for some steps, which returns parameters.

    dynamax's variance is the posterior's scale over its concentration and 3/2; a concentration of
    -3/2 is maximum likelihood. Its log prior means nothing then, and is computed all the same.
    `fit_em` compiles anew at every call; it is called inside a compiled function, once a length.
    """
    states, features = starts["loc"].shape[1:]
    model = DiagonalGaussianHMM(
        states,
        features,
        initial_probs_concentration=1.0,
        transition_matrix_concentration=1.0,
        emission_prior_mean_concentration=0.0,
        emission_prior_concentration=-1.5,
        emission_prior_scale=0.0,
    )
    params, properties = model.initialize(
        initial_probs=jnp.asarray(starts["initial"][0]),
        transition_matrix=jnp.asarray(starts["transition"][0]),
        emission_means=jnp.asarray(starts["loc"][0]),
        emission_scale_diags=jnp.asarray(starts["scale"][0]),
    )
    programs: dict[int, Any] = {}
    emissions = jnp.asarray(data)

    def fit(steps: int) -> Any:
        if steps not in programs:
            programs[steps] = jax.jit(
                lambda params, data: model.fit_em(
                    params, properties, data, num_iters=steps, verbose=False
                )[0]
            )
        return jax.block_until_ready(programs[steps](params, emissions))

    return fit


def as_declared(params: Any) -> dict[str, Any]:
    """Dynamax's parameters under the names of the declared model."""
    return {
        "initial": params.initial.probs,
        "transition": params.transitions.transition_matrix,
        "loc": params.emissions.means,
        "scale": params.emissions.scale_diags,
    }
