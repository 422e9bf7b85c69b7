"""The interface of M-steps."""

import abc
import dataclasses

from jaxem.algebra.plan import Plan
from jaxem.estep.expectation import Expectation, Values
from jaxem.types import Array


@dataclasses.dataclass(frozen=True)
class MStep(abc.ABC):
    """An update of the parameters that raises Q.

    Attributes:
        trusted: Whether a fall of the objective is taken for rounding, and damped; else, for a
            given update, it stops the run.
    """

    @property
    def trusted(self) -> bool:
        """True unless the M-step has a given update."""
        return True

    @property
    def reads_rows(self) -> bool:
        """Whether the step needs the rows and the responsibilities of each, not Q alone."""
        return False

    @property
    def named(self) -> tuple[str, ...]:
        """Parameters that this step names; each must exist and be free."""
        return ()

    @property
    def ordered(self) -> tuple[str, ...]:
        """All free parameters in the given order; empty if none was given."""
        return ()

    @abc.abstractmethod
    def __call__(
        self, plan: Plan, q: Expectation, values: Values, names: tuple[str, ...]
    ) -> dict[str, Array]:
        """New values of all parameters, those in ``names`` updated.

        Args:
            plan: The plan of the model.
            q: The expected log joint.
            values: All parameters by dotted name.
            names: The free parameters to update.

        Returns:
            All parameters by dotted name.
        """
