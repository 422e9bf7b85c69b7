"""The same fits by scikit-learn's GaussianMixture, one start after another: it has no other way."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture


def fit(rows, starts, steps: int, tolerance: float = 0) -> list[GaussianMixture]:
    """One mixture a start; without a tolerance every one takes all the steps."""
    return [_fit_one(rows, starts, r, steps, tolerance) for r in range(len(starts["weights"]))]


def log_likelihoods(mixtures: list[GaussianMixture], rows) -> np.ndarray:
    """Of the parameters that each has ended with, (R,)."""
    return np.array([mixture.score(rows) * len(rows) for mixture in mixtures])


def _fit_one(rows, starts, r: int, steps: int, tolerance: float) -> GaussianMixture:
    mixture = GaussianMixture(
        starts["weights"].shape[1],
        reg_covar=0,
        tol=tolerance,
        max_iter=steps,
        weights_init=starts["weights"][r],
        means_init=starts["loc"][r],
        precisions_init=np.linalg.inv(starts["cov"][r]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the steps may be the stopping rule
        return mixture.fit(rows)
