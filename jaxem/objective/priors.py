"""The log prior of many restarts, as one compiled program."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.compiled.buckets import bucket, filled
from jaxem.model import Model


def log_priors(model: Model, plan: Plan, values: Mapping[str, Any]) -> np.ndarray:
    """Log prior of stacked parameters, (R,).

    Args:
        model: The declared model.
        plan: Keeps the program.
        values: Parameters by dotted name, leaves (R, ...).
    """
    leaves = {name: np.asarray(leaf) for name, leaf in values.items()}
    count = len(next(iter(leaves.values())))
    given = {name: filled(leaf, bucket(count)) for name, leaf in leaves.items()}
    program = plan.program("log prior", jax.vmap(model.prior_density))
    return np.asarray(program(jax.device_put(given)))[:count]
