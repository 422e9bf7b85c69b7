"""The same Gaussian hidden Markov models with hmmlearn and with dynamax, priors switched off.

dynamax's update of a variance divides by the expected count plus 2 concentration + 3, so that a
concentration of -3/2 is maximum likelihood; its log prior means nothing then, and is left out.
"""

from typing import Any

import numpy as np


def fit_hmmlearn(data: np.ndarray, starts: dict, steps: int, implementation: str) -> list[Any]:
    """One start after another, each for all the steps."""
    return [
        _fit_start(data, starts, lane, steps, implementation) for lane in range(len(starts["loc"]))
    ]


def _fit_start(data: np.ndarray, starts: dict, lane: int, steps: int, implementation: str) -> Any:
    from hmmlearn.hmm import GaussianHMM

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


def ends_hmmlearn(models: list[Any], data: np.ndarray) -> np.ndarray:
    """Log likelihoods at the parameters returned, (R,)."""
    count, horizon, features = data.shape
    steps = data.reshape(-1, features)
    return np.array([model.score(steps, [horizon] * count) for model in models])
