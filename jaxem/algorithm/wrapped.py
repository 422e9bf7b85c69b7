"""An acceleration of EM: the same map, other candidates."""

import dataclasses

from jaxem.algorithm.around import Around
from jaxem.algorithm.em import EM
from jaxem.estep import Hard
from jaxem.types import DeclarationError


@dataclasses.dataclass(frozen=True)
class Wrapped(Around):
    """An acceleration of EM.

    Args:
        algorithm: The EM that is accelerated, ``EM()`` if left out.

    Raises:
        DeclarationError: If it is no EM, its E-step is `Hard`, or its M-step is an own update.
    """

    algorithm: EM = dataclasses.field(default_factory=EM)

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not isinstance(self.algorithm, EM):
            raise DeclarationError(
                f"jaxem.{name} accelerates jaxem.EM(...); got {self.algorithm!r}."
            )
        if isinstance(self.algorithm.e_step, Hard):
            raise DeclarationError(
                f"jaxem.{name} extrapolates a smooth map, and EM with jaxem.Hard() moves in jumps "
                f"and ends after finitely many; run jaxem.EM(e_step=jaxem.Hard()) as it is."
            )
        if not self.algorithm.m_step.trusted:
            raise DeclarationError(
                f"jaxem.{name} goes back to the EM step when an extrapolation fails, and must "
                f"trust that it raises the objective; a ClosedForm update is checked instead. Leave"
                f" the update out, and jaxem derives the M-step, or run jaxem.EM(...) as it is."
            )

    @property
    def extrapolates(self) -> bool:
        """Whether proposals may be extrapolations: always."""
        return True
