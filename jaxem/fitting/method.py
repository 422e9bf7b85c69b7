"""The method of a fit in sentences: the algorithm, its finish, a race."""

from jaxem.algorithm import Algorithm
from jaxem.optimise.race import Race

_FINISH = (
    "a finish: where EM gains less than 0.01 nats a step, a quasi-Newton climb on the exact "
    "gradient; what it finds is judged like any step"
)


def method_of(algorithm: Algorithm, finish: str | None, race: Race | None) -> tuple[str, ...]:
    """One sentence each, without its full stop, for the algorithm, the finish and the race."""
    return (
        algorithm.sentence,
        *((_FINISH,) if finish is not None else ()),
        *((race.sentence,) if race is not None else ()),
    )
