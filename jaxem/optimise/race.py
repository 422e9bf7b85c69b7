"""Races of restarts: many short runs, of which the most promising run to their ends.

A few steps tell much of the objective that a start will reach. All restarts take these steps; those
with the highest objectives run on, and the others are dropped, with a status that says so. This is
one round of successive halving.

    K. Jamieson and A. Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter
    optimization", AISTATS.
"""

import dataclasses

import numpy as np

from jaxem.status import Status
from jaxem.types import DeclarationError


@dataclasses.dataclass(frozen=True)
class Race:
    """A race: many starts, of which few run to their ends.

    Args:
        restarts: Number of starts.
        keep: Number of restarts that run on; a sixteenth if left out, at least two.
        after: Steps after which the others are dropped.

    Raises:
        DeclarationError: If one is no positive integer, or ``keep`` exceeds ``restarts``.
    """

    restarts: int
    keep: int | None = None
    after: int = 10

    def __post_init__(self) -> None:
        for name in ("restarts", "keep", "after"):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not (whole and value >= 1) and (name != "keep" or value is not None):
                raise DeclarationError(
                    f"Race: {name} must be an integer of at least 1; got {value!r}."
                )
        if self.keep is not None and self.keep > self.restarts:
            raise DeclarationError(
                f"Race: keep={self.keep} of {self.restarts} restarts cannot go on; keep fewer."
            )

    @property
    def sentence(self) -> str:
        """The race in words."""
        return (
            f"a race: after {self.after} steps the best {self.kept} of {self.restarts} restarts "
            f"go on, the others are dropped"
        )

    @property
    def kept(self) -> int:
        """Number of restarts that run on."""
        return max(self.restarts // 16, 2) if self.keep is None else self.keep


def drop_losers(kept: int, objective: np.ndarray, status: np.ndarray) -> np.ndarray:
    """The status of all restarts after the first part of a race.

    Args:
        kept: Number of restarts that may run on; those that have stopped count.
        objective: Objectives, (R,).
        status: Statuses; RUNNING for those that could run on, (R,).

    Returns:
        The new status, (R,).
    """
    usable = np.isin(status, [s for s in Status if s.usable])
    score = np.where(usable & np.isfinite(objective), objective, -np.inf)
    ahead = np.zeros(len(score), bool)
    ahead[np.argsort(-score, kind="stable")[:kept]] = True
    behind = (status == Status.RUNNING) & ~ahead
    return np.where(behind, Status.DROPPED, status).astype(status.dtype)
