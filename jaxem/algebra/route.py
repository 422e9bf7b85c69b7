"""What replaced the data of a fit, which path the fit took, and what was seen on the way."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Guard:
    """One look at a restart on replaced data.

    Attributes:
        restart: Which.
        steps: Its steps so far.
        path: The path that it was on.
        error: Largest error of a log factor that matters, in nats, on the rows looked at.
        bound: Bound of the rounding of a log factor, in nats.
    """

    restart: int
    steps: int
    path: str
    error: float
    bound: float


@dataclasses.dataclass(frozen=True)
class Route:
    """The data of one fit as its E- and M-steps see them.

    Attributes:
        rows: Rows that were given.
        merged: Rows after equal ones were merged and absent ones left out.
        rank: Dimension of the log joint as a function of the row; None if none was found.
        representation: What log factors are made of, in words.
        path: The path that a fit begins with: "product" (matrix products and anchors), "anchors"
            (the log joint at every row, anchors in the M-step), or "direct" (every row in both).
        reason: Why the data were not replaced; empty if they were.
        seconds: Measured time of an E-step on the first two paths, where it was measured.
        guards: What was seen while a fit ran.
        changes: Every change of path, in words.
    """

    rows: int
    merged: int
    rank: int | None
    representation: str
    path: str
    reason: str = ""
    seconds: tuple[float, ...] = ()
    guards: tuple[Guard, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def anchors(self) -> int:
        """Rows that the M-step works on, as many as the rank; 0 if it works on all."""
        return self.rank or 0
