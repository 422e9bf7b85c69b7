"""Seconds for the standard errors of a Gaussian mixture with 359 free numbers and 100,000 rows.

python -m benchmarks.information [--small]
"""

import argparse
import time

import jax
import numpy as np

import jaxem


def main() -> None:
    """Print the seconds of the fit and of its errors, compilation included."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="3 components, 3 columns, 3,000 rows")
    size, rows = (3, 3_000) if parser.parse_args().small else (8, 100_000)
    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(0)
    parts = [
        rng.normal(size=(rows // size, size)) @ (np.eye(size) + 0.3 * rng.normal(size=(size, size)))
        + 4 * rng.normal(size=size)
        for _ in range(size)
    ]
    data = np.concatenate(parts)
    began = time.perf_counter()
    fit = jaxem.fit(jaxem.zoo.gaussian_mixture(size, size), data)
    fitted = time.perf_counter()
    errors = fit.errors(data)
    seconds = time.perf_counter() - fitted
    print(f"jax {jax.__version__}, {len(data)} rows, {len(errors.coordinates)} free numbers")
    print(f"fit {fitted - began:.1f} s ({fit.status}, {fit.steps} steps), errors {seconds:.1f} s")


if __name__ == "__main__":
    main()
