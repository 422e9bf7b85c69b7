"""Racing restarts: many short runs, of which the promising go on.

What a start will reach shows long before it is reached. All restarts take a few steps; those with
the highest objectives go on to their ends, and the others are left where they are, with a status
that says so. This is one round of successive halving.

    K. Jamieson and A. Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter
    optimization", AISTATS.
"""

import dataclasses

import numpy as np

from jaxem.status import Status
from jaxem.types import DeclarationError


@dataclasses.dataclass(frozen=True)
class Race:
    """Many starts, of which few run to their ends.

    Args:
        restarts: Number of starts.
        keep: How many go on; a sixteenth if left out, at least two.
        after: Steps after which the others are left behind.

    Raises:
        DeclarationError: If these are no such numbers.
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
        """What it does, for a reader."""
        return (
            f"a race: after {self.after} steps the best {self.kept} of {self.restarts} restarts "
            f"go on, the others are dropped"
        )

    @property
    def kept(self) -> int:
        """How many go on."""
        return max(self.restarts // 16, 2) if self.keep is None else self.keep


def leave_behind(kept: int, objective: np.ndarray, status: np.ndarray) -> np.ndarray:
    """The status of all restarts after the first part of a race.

    Args:
        kept: How many may go on; those that have ended by themselves count.
        objective: What each has reached, (R,).
        status: How each has ended; RUNNING for those that could go on, (R,).

    Returns:
        The new status, (R,).
    """
    sane = np.isin(status, [s for s in Status if s.usable])
    score = np.where(sane & np.isfinite(objective), objective, -np.inf)
    ahead = np.zeros(len(score), bool)
    ahead[np.argsort(-score, kind="stable")[:kept]] = True
    behind = (status == Status.RUNNING) & ~ahead
    return np.where(behind, Status.DROPPED, status).astype(status.dtype)
