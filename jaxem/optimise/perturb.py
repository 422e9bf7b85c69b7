"""Parameters moved a little, by what is ordinary for the data.

States that have become one stay one, to the last bit, whatever the temperature. The scale of a
perturbation is that of the plan's own draws: in real coordinates, a hundredth of the difference of
two.
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
    """Free parameters moved in real coordinates; exact zeros stay, as does what has none.

    Args:
        model: The declared model.
        plan: Which knows ordinary parameters.
        values: Parameters by dotted name, stacked over restarts.
        generators: Where the perturbations of each restart come from.
    """
    out = {name: np.array(leaf) for name, leaf in values.items()}
    with jax.enable_x64(True), np.errstate(all="ignore"):
        for restart, rng in enumerate(generators):
            a, b = (mix(model.free, plan.climbs, rng) for _ in range(2))
            for p in model.free:
                here = out[p.name][restart]
                moved = _moved(p, here.astype(float), a[p.name], b[p.name])
                sound = np.all(np.isfinite(moved)) and np.all(np.isfinite(here))
                out[p.name][restart] = np.where(here == 0, here, moved) if sound else here
    return out


def _moved(p: Any, here: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    try:
        change = np.asarray(p.to_real(a)) - np.asarray(p.to_real(b))
        return np.asarray(p.from_real(np.asarray(p.to_real(here)) + _SIZE * change))
    except np.linalg.LinAlgError:
        return np.full_like(here, np.nan)
