"""The M-step: as the plan derived it, or as the person says."""

from jaxem.mstep.ascent import Ascent
from jaxem.mstep.closed import ClosedForm
from jaxem.mstep.derived import Derived
from jaxem.mstep.mstep import MStep

__all__ = ["Ascent", "ClosedForm", "Derived", "MStep"]
