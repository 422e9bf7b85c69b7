"""The search for sufficient statistics, once a joint."""

import dataclasses
import functools

import numpy as np

import jaxem
from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.draws import mix
from jaxem.algebra.plan import Plan, make_plan, replace_data
from jaxem.model.check import prepare_data
from jaxem.numerics.rows import row_count
from jaxem.types import Data

from .joints import Joint, joints

JOINTS = {joint.name: joint for joint in joints()}


@dataclasses.dataclass(frozen=True, eq=False)
class Searched:
    """A joint, and what the search says of it."""

    joint: Joint
    model: jaxem.Model
    rows: Data
    plan: Plan
    found: Anchors | Refused

    def fresh(self, count: int, seed: int = 7) -> list[dict[str, np.ndarray]]:
        """Ordinary parameters that the search never saw."""
        rng = np.random.default_rng(seed)
        return [mix(self.model.free, self.plan.ascents, rng) for _ in range(count)]


@functools.cache
def searched(name: str) -> Searched:
    """Look for the statistics of all rows of a joint, unmerged."""
    joint = JOINTS[name]
    model, rows = joint.model(), prepare_data(joint.data)
    plan = make_plan(model, rows, np.ones(row_count(rows)))
    return Searched(joint, model, rows, plan, replace_data(plan, model, rows))
