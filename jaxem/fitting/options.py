"""Checks of the options of a fit, before anything is run."""

from typing import Any

import numpy as np

from jaxem.algorithm import Algorithm, Stochastic, WarmUp
from jaxem.algorithm.coordinates import width
from jaxem.estep import Exact
from jaxem.latent import Markov
from jaxem.model import Model
from jaxem.numerics.memory import in_words, memory
from jaxem.optimise.polish import LARGEST
from jaxem.types import DeclarationError

#: Rows of the smallest block of an E-step, and arrays of its log factors that are held at once.
_ROWS, _COPIES = 64, 4


def check_options(
    restarts: Any, tolerance: Any, max_steps: Any, time_limit: Any, algorithm: Any
) -> None:
    """Check that numbers are in their ranges, and the algorithm is one."""
    if isinstance(restarts, bool) or not isinstance(restarts, int | np.integer) or restarts < 1:
        raise DeclarationError(
            f"restarts must be an integer of at least 1, or jaxem.Race(...); got {restarts!r}."
        )
    if not isinstance(max_steps, int | np.integer) or max_steps < 0:
        raise DeclarationError(f"max_steps must be an integer of at least 0; got {max_steps!r}.")
    if not tolerance >= 0:
        raise DeclarationError(f"tolerance must be at least 0; got {tolerance!r}.")
    if time_limit is not None and not time_limit > 0:
        raise DeclarationError(f"time_limit must be positive seconds, or None; got {time_limit!r}.")
    check_algorithm(algorithm)


def check_algorithm(algorithm: Any) -> None:
    """Check that this is an instance of an algorithm."""
    if not isinstance(algorithm, Algorithm):
        raise DeclarationError(
            f"algorithm must be jaxem.EM(...), jaxem.Squarem(...), jaxem.Anderson(...), "
            f"jaxem.Annealed(...), jaxem.Stochastic(...), jaxem.Online(...) or "
            f"jaxem.Incremental(...); got {algorithm!r}."
        )


def check_room(model: Model, restarts: int) -> None:
    """Check that restarts side by side fit into the memory of this machine."""
    needed, limit = restarts * model.latent.configurations * _ROWS * 8 * _COPIES, memory() // 2
    if needed > limit:
        most = limit * restarts // needed
        raise DeclarationError(
            f"restarts={restarts} of {model.latent!r}, with {model.latent.configurations:,} log "
            f"factors a row, take about {in_words(needed)} side by side for the fewest rows of a "
            f"block; the limit is half of the memory of this machine, {in_words(limit)}. Take at "
            f"most restarts={max(1, most)} at once, or fewer states."
        )


def check_named(model: Model, algorithm: Algorithm) -> None:
    """Check that the M-step names free parameters, and suits the latent structure."""
    free = [p.name for p in model.free]
    for name in algorithm.m_step.named:
        if name not in free:
            raise DeclarationError(
                f"m_step names {name!r}, which is no free parameter; these are "
                f"{', '.join(map(repr, free))}."
            )
    ordered = algorithm.m_step.ordered
    for name in free if ordered else ():
        if name not in ordered:
            raise DeclarationError(
                f"the order {', '.join(map(repr, ordered))} leaves out {name!r}; every free "
                f"parameter has its place in an order."
            )
    if isinstance(model.latent, Markov) and algorithm.m_step.reads_rows:
        raise DeclarationError(
            f"ClosedForm gives an update rows and responsibilities, and {model.latent!r} has pairs "
            f"of states besides; leave it out, and jaxem derives the M-step, or use "
            f"jaxem.Ascent(...)."
        )


def check_draws(model: Model, algorithm: Algorithm, weights: np.ndarray) -> None:
    """Check that stochastic EM can draw states for every row by its weight."""
    if not isinstance(algorithm, Stochastic):
        return
    if isinstance(model.latent, Markov) and np.any((weights != 0) & (weights != 1)):
        raise DeclarationError(
            f"jaxem.Stochastic draws a path of each sequence or tree, and a weight of "
            f"{weights[(weights != 0) & (weights != 1)][0]:g} would count one path as several; "
            f"repeat the sequence, whose copies then have paths of their own."
        )
    if np.any(weights != np.round(weights)):
        raise DeclarationError(
            f"jaxem.Stochastic draws the state of a row of weight w as w rows, so weights must be "
            f"whole numbers; got {weights[weights != np.round(weights)][0]:g}."
        )


def check_finish(model: Model, algorithm: Algorithm, finish: str | None) -> None:
    """Check that a finish suits the objective and the M-step."""
    if finish is None:
        return
    if finish != "newton":
        raise DeclarationError(f'finish must be "newton" or None; got {finish!r}.')
    if isinstance(algorithm, WarmUp) and not algorithm.runs_on:
        raise DeclarationError(
            'finish="newton" climbs to a maximum, and stochastic EM is to stop before it; add '
            "polish=True, or leave the finish out."
        )
    if not isinstance(algorithm.e_step, Exact):
        raise DeclarationError(
            f'finish="newton" climbs the log likelihood, and this fit the '
            f"{algorithm.e_step.likelihood}; leave the finish out."
        )
    if not algorithm.m_step.trusted:
        raise DeclarationError(
            'finish="newton" climbs the objective itself, and would hide a ClosedForm update that '
            "does not; leave the finish or the update out."
        )
    if width(model) > LARGEST:
        raise DeclarationError(
            f'finish="newton" keeps a matrix of second derivatives, and the model has '
            f"{width(model)} coordinates, more than {LARGEST}; use algorithm=jaxem.Anderson()."
        )
