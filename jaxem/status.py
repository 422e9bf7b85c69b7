"""Statuses: every restart ends with one code, and every code has a sentence."""

from enum import IntEnum


class Status(IntEnum):
    """The status of a restart.

    RUNNING must be 0 and all others positive: the compiled loop uses 0 for a restart that goes on.
    Saved fits hold the numbers.
    """

    RUNNING = 0
    CONVERGED = 1
    STEP_LIMIT = 2
    TIME_LIMIT = 3
    INTERRUPTED = 4
    NON_FINITE = 5
    OBJECTIVE_FELL = 6
    DEGENERATE = 7
    IMPOSSIBLE = 8
    SADDLE = 9
    NO_INTERIOR_MODE = 10
    STALLED = 11
    DROPPED = 12
    SAMPLED = 13
    SEPARATED = 14
    UNRELIABLE = 15

    @property
    def sentence(self) -> str:
        """The code in words."""
        return _SENTENCES[self]

    @property
    def finished(self) -> bool:
        """Whether more steps would gain nothing: at a maximum, or close to a supremum."""
        return self in (Status.CONVERGED, Status.SEPARATED)

    @property
    def usable(self) -> bool:
        """Whether the parameters may be used, though the restart need not be finished."""
        return self in _USABLE

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


_USABLE = frozenset(
    {
        Status.RUNNING,
        Status.CONVERGED,
        Status.STEP_LIMIT,
        Status.TIME_LIMIT,
        Status.INTERRUPTED,
        Status.STALLED,
        Status.DROPPED,
        Status.SAMPLED,
        Status.SEPARATED,
    }
)

_SENTENCES = {
    Status.RUNNING: "still running",
    Status.CONVERGED: (
        "converged: estimated remaining gain in the log posterior and change of parameters are "
        "below tolerance"
    ),
    Status.STEP_LIMIT: "stopped at the step limit before it converged",
    Status.TIME_LIMIT: "stopped at the time limit before it converged",
    Status.INTERRUPTED: "interrupted before it converged",
    Status.NON_FINITE: (
        "the objective or its gradient became NaN or infinite; the parameters are the last ones "
        "that were accepted"
    ),
    Status.OBJECTIVE_FELL: (
        "the objective fell; the parameters are those before the fall, and the M-step is suspect"
    ),
    Status.DEGENERATE: (
        "degenerate: the objective grows without bound, as it does where a component collapses or "
        "a free scale of a prior goes to zero"
    ),
    Status.IMPOSSIBLE: (
        "impossible: the start has zero density, that of an observation under every latent state "
        "or that of the prior"
    ),
    Status.SADDLE: "stationary but not a maximum: the objective rises along some direction",
    Status.NO_INTERIOR_MODE: (
        "the prior has no interior mode here: its density is infinite at the boundary"
    ),
    Status.DROPPED: (
        "dropped from the race: others had higher objectives after its first steps, and only they "
        "ran on"
    ),
    Status.SAMPLED: (
        "the steps of stochastic EM are over: the parameters are the best visited, or a mean of "
        "those visited, and no maximum"
    ),
    Status.SEPARATED: (
        "separated: the objective rises to a supremum at infinity, which no parameters reach"
    ),
    Status.UNRELIABLE: (
        "unreliable: rounding dominates the objective at these parameters, so none of its digits "
        "counts"
    ),
    Status.STALLED: (
        "stalled: the steps no longer raise the objective, and no maximum could be verified"
    ),
}
