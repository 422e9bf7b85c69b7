"""Small random perturbations of parameters, in units of the data.

States that have become equal stay equal at any temperature, so annealing perturbs them. A
perturbation is, in real coordinates, a hundredth of the difference of two random mixtures of the
plan's ordinary parameters.
"""

from typing import Any

import jax
import numpy as np

from jaxem.algebra.draws import mix
from jaxem.algebra.plan import Plan
from jaxem.model import Model
from jaxem.optimise.state import Values

_SIZE = 1e-2


def perturb(
    model: Model, plan: Plan, values: Values, generators: list[np.random.Generator]
) -> dict[str, Any]:
    """Parameters with the free ones perturbed; exact zeros stay, as do non-finite coordinates.

    Args:
        model: The declared model.
        plan: The plan, which has ordinary parameters.
        values: Parameters by dotted name, stacked over restarts.
        generators: A random generator for each restart.
    """
    out = {name: np.array(leaf) for name, leaf in values.items()}
    with jax.enable_x64(True), np.errstate(all="ignore"):
        for restart, rng in enumerate(generators):
            a, b = (mix(model.free, plan.ascents, rng) for _ in range(2))
            for p in model.free:
                value = out[p.name][restart]
                moved = _moved(p, value.astype(float), a[p.name], b[p.name])
                finite = np.all(np.isfinite(moved)) and np.all(np.isfinite(value))
                out[p.name][restart] = np.where(value == 0, value, moved) if finite else value
    return out


def _moved(p: Any, value: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    try:
        change = np.asarray(p.to_real(a)) - np.asarray(p.to_real(b))
        return np.asarray(p.from_real(np.asarray(p.to_real(value)) + _SIZE * change))
    except np.linalg.LinAlgError:
        return np.full_like(value, np.nan)
