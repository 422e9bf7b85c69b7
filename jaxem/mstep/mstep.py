"""What an M-step must answer."""

import abc
import dataclasses

from jaxem.algebra.plan import Plan
from jaxem.estep.expectation import Expectation, Values
from jaxem.types import Array


@dataclasses.dataclass(frozen=True)
class MStep(abc.ABC):
    """A way to raise Q.

    Attributes:
        trusted: Whether a fall of the objective is rounding, to be damped; or, for an update
            that somebody wrote, a fault, to be told.
    """

    @property
    def trusted(self) -> bool:
        """True unless the update is a person's own."""
        return True

    @property
    def reads_rows(self) -> bool:
        """Whether the step needs the rows and the responsibilities of each, not Q alone."""
        return False

    @property
    def named(self) -> tuple[str, ...]:
        """Parameters that this step singles out; each must exist and be free."""
        return ()

    @property
    def ordered(self) -> tuple[str, ...]:
        """Parameters in the order that a person gave, all free ones of them; none if none was."""
        return ()

    @abc.abstractmethod
    def __call__(
        self, plan: Plan, q: Expectation, values: Values, names: tuple[str, ...]
    ) -> dict[str, Array]:
        """New values of all parameters, those in ``names`` updated.

        Args:
            plan: What the algebra found for the model.
            q: The expected log joint.
            values: All parameters by dotted name.
            names: The free parameters that this step is to update.

        Returns:
            All parameters by dotted name.
        """
