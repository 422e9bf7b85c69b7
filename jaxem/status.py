"""Outcomes: every restart ends with one code, and every code has a sentence."""

from enum import IntEnum


class Status(IntEnum):
    """How one run of an algorithm ended.

    The order matters to nobody; the numbers travel through compiled loops.
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
        """What the code means, for a person."""
        return _SENTENCES[self]

    @property
    def finished(self) -> bool:
        """Whether going on would gain nothing: a maximum, or a supremum as near as it gets."""
        return self in (Status.CONVERGED, Status.SEPARATED)

    @property
    def usable(self) -> bool:
        """Whether the parameters are a sane answer, if perhaps an unfinished one."""
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
        "the objective became NaN; the parameters are the last ones with a finite objective"
    ),
    Status.OBJECTIVE_FELL: (
        "the objective fell; the parameters are those before the fall, and the M-step is suspect"
    ),
    Status.DEGENERATE: (
        "a component collapsed: the objective grows without bound as its scale, or a free scale "
        "of a prior, goes to zero"
    ),
    Status.IMPOSSIBLE: "an observation has zero density under every latent state",
    Status.SADDLE: ("stationary but not a maximum: the objective curves upwards in some direction"),
    Status.NO_INTERIOR_MODE: (
        "the prior has no interior mode here: its density is infinite at the boundary"
    ),
    Status.DROPPED: "left behind in the race: others were more promising, and only they went on",
    Status.SAMPLED: (
        "the steps of stochastic EM are over: the parameters are the best visited, or a mean, and "
        "no maximum"
    ),
    Status.SEPARATED: (
        "separated: the objective rises to a supremum at infinity, which no parameters reach"
    ),
    Status.UNRELIABLE: (
        "unreliable: the log joint is dominated by rounding here, and its value means nothing"
    ),
    Status.STALLED: (
        "the objective stopped rising in this precision, yet its gradient is not small"
    ),
}
