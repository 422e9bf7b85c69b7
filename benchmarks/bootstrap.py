"""Two hundred bootstrap replicates of the Old Faithful mixture: one program, and one by one."""

import argparse
import warnings

import jax
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

import jaxem
from benchmarks.contest import clock, duel
from benchmarks.report import figure, publish, table

jax.config.update("jax_enable_x64", True)

REPLICATES = 200
HEAD = (
    "scikit-learn's fits",
    "jaxem, s",
    "scikit-learn, s",
    "scikit-learn / jaxem (range)",
    "jaxem's first bootstrap, s",
    "standard error of the first mean, jaxem",
    "scikit-learn",
)


def draw_weights(rows: int) -> np.ndarray:
    """How often each row is drawn, of every replicate."""
    return np.random.default_rng(0).multinomial(rows, np.full(rows, 1 / rows), size=REPLICATES)


def refit(rows: np.ndarray, drawn: np.ndarray, start: GaussianMixture | None, tol: float):
    """scikit-learn's way: every replicate is a data set and a fit of its own."""
    fits = []
    for counts in drawn:
        given = (
            {}
            if start is None
            else {
                "weights_init": start.weights_,
                "means_init": start.means_,
                "precisions_init": start.precisions_,
            }
        )
        mixture = GaussianMixture(2, reg_covar=0, tol=tol, max_iter=1000, random_state=0, **given)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fits.append(mixture.fit(np.repeat(rows, counts, axis=0)))
    return fits


def contest(name: str, rows, fit, start, tol: float, repeats: int) -> list[str]:
    """One row of the table."""
    drawn = draw_weights(len(rows))

    def ours():
        return jaxem.bootstrap(fit, rows, replicates=REPLICATES)

    first, _ = clock(ours)
    result = duel(ours, lambda: refit(rows, drawn, start, tol), repeats)
    short = int(np.argmin(fit.params["loc"][:, 0]))
    theirs = [mixture.means_[mixture.means_[:, 0].argmin(), 0] for mixture in result.theirs]
    errors = float(result.ours.se["loc"][short, 0]), float(np.std(theirs, ddof=1))
    return [name, *result.whole.cells(), figure(first), *map(figure, errors)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=5, help="pairs (default 5)")
    repeats = options.parse_args().repeats
    rows = jaxem.datasets.old_faithful().matrix
    fit = jaxem.fit(jaxem.zoo.gaussian_mixture(2, 2), rows, restarts=4)
    whole = GaussianMixture(2, reg_covar=0, tol=1e-12, max_iter=1000, random_state=0).fit(rows)
    lines = [
        contest("by k-means, its default tolerance", rows, fit, None, 1e-3, repeats),
        contest("from its own fit, its default tolerance", rows, fit, whole, 1e-3, repeats),
        contest("from its own fit, to 1e-9 a row", rows, fit, whole, 1e-9, repeats),
    ]
    publish(
        "bootstrap",
        f"--repeats {repeats}",
        ["numpy", "scikit-learn"],
        f"{REPLICATES} replicates of Old Faithful, two components, full covariances:",
        table(HEAD, lines),
    )


if __name__ == "__main__":
    main()
