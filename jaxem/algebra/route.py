"""A record of how a fit used its data: anchors, path, changes of path and their reasons."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Guard:
    """One check of the accuracy of a restart on replaced data.

    Attributes:
        restart: Index of the restart.
        steps: Steps of the restart so far.
        path: The path of the restart.
        error: Largest error of a log factor with responsibility, in nats, on the rows checked.
        bound: Bound of the rounding of a log factor, in nats.
    """

    restart: int
    steps: int
    path: str
    error: float
    bound: float


@dataclasses.dataclass(frozen=True)
class Route:
    """How the E- and M-steps of one fit use its data.

    Attributes:
        rows: Number of rows given.
        merged: Number of rows after merging equal ones and leaving out those of weight zero.
        rank: Dimension of the log joint as a function of the row; None if none was found.
        representation: The source of log factors, in words.
        path: The path that a fit begins with: "product" (matrix products and anchors), "anchors"
            (the log joint at every row, anchors in the M-step), or "direct" (every row in both).
        reason: Why the data were not replaced; empty if they were.
        seconds: Measured time of an E-step on the first two paths, where it was measured.
        guards: Checks of accuracy while the fit ran.
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
