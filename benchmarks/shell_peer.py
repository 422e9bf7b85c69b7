"""Old Faithful with scikit-learn, as a script: `python -P benchmarks/shell_peer.py`.

Run as a file, not as a module of this package, which would import JAX.
"""

from pathlib import Path

import numpy as np
from sklearn.mixture import GaussianMixture

ROOT = Path(__file__).parents[1]
ROWS = np.loadtxt(ROOT / "jaxem" / "datasets" / "old_faithful.csv", delimiter=",", skiprows=1)


def main() -> None:
    mixture = GaussianMixture(
        2,
        covariance_type="full",
        n_init=64,
        tol=1e-10 / len(ROWS),  # a change of all rows together of 1e-10 nats
        max_iter=5000,
        reg_covar=0,
        random_state=0,
    )
    mixture.fit(ROWS)
    print(f"log likelihood {mixture.score(ROWS) * len(ROWS):.6f}, {mixture.n_iter_} steps")
    for name in ("converged_", "weights_", "means_", "covariances_"):
        print(name, getattr(mixture, name), sep="\n")


if __name__ == "__main__":
    main()
