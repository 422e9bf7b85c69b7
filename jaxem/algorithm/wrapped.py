"""An algorithm around EM: it judges the same map, and proposes other points."""

import dataclasses

from jaxem.algorithm.around import Around
from jaxem.algorithm.em import EM
from jaxem.estep import Hard
from jaxem.types import DeclarationError


@dataclasses.dataclass(frozen=True)
class Wrapped(Around):
    """What accelerates EM.

    Args:
        algorithm: The EM that is accelerated, ``EM()`` if left out.

    Raises:
        DeclarationError: If it is no EM, or one that extrapolation makes no sense of.
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
        """It proposes other points than the image."""
        return True
