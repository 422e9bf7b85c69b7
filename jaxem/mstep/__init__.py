"""M-steps: derived by the plan, by gradient ascent, or by a given update."""

from jaxem.mstep.ascent import Ascent
from jaxem.mstep.closed import ClosedForm
from jaxem.mstep.derived import Derived
from jaxem.mstep.mstep import MStep

__all__ = ["Ascent", "ClosedForm", "Derived", "MStep"]
