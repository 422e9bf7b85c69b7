"""Evaluations of the EM map that plain and accelerated EM, the finish and a race take.

Counts, not seconds: they depend on no machine. Run with ``python -m benchmarks.evaluations`` in a
checkout; prints the tables of docs/acceleration.md.
"""

from typing import Any

import jax
import numpy as np

import jaxem
from tests.cases import chains, classes, counts, gaussians, genetics

WAYS: dict[str, dict[str, Any]] = {
    "EM": {},
    "Squarem": {"algorithm": jaxem.Squarem()},
    "Anderson": {"algorithm": jaxem.Anderson()},
    "finish": {"finish": "newton"},
    "Anderson, finish": {"algorithm": jaxem.Anderson(), "finish": "newton"},
}

ONE_START = {
    "death notices": counts.death_notices,
    "linkage": genetics.linkage,
    "Old Faithful, 2 full": gaussians.old_faithful,
    "earthquakes, chain of 2": chains.earthquakes,
}

RACES: dict[str, dict[str, Any]] = {
    "64 restarts": {"restarts": 64},
    "Race(64)": {"restarts": jaxem.Race(64)},
    "64 restarts, Anderson": {"restarts": 64, "algorithm": jaxem.Anderson()},
    "Race(64), Anderson": {"restarts": jaxem.Race(64), "algorithm": jaxem.Anderson()},
}


def main() -> None:
    """Print both tables."""
    for name, declare in ONE_START.items():
        declared = declare()
        init = {} if declared.init is not None else {"key": 0}
        fits = {way: declared.fit(**init, **options) for way, options in WAYS.items()}
        best = max(fit.objective for fit in fits.values())
        for way, fit in fits.items():
            near = int(np.argmax(fit.trace > best - 1e-8))
            print(f"{name:24} {way:18} to 1e-8: {near:5d}  all: {fit.steps:5d}  {fit.status}")
    declared = classes.carcinoma(4)
    for way, options in RACES.items():
        fit = declared.fit(**options)
        work = int(fit.restarts.steps.sum())
        print(f"carcinoma, 4 classes: {way:24} {work:6d}  best {fit.objective:.6f}  {fit.status}")


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
