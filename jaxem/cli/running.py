"""From a checked config to a call of the library: the part of the command line that needs JAX."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np

import jaxem
from jaxem.cli.declared import build
from jaxem.cli.interrupts import Interrupts
from jaxem.cli.loading import Job
from jaxem.cli.problems import ConfigError, Problem
from jaxem.cli.progress import Bar
from jaxem.cli.schema import FitSection
from jaxem.cli.steps import not_a_chain, sequence_weights
from jaxem.types import DeclarationError


class Given(NamedTuple):
    """The table of a config as its model takes it.

    Attributes:
        data: Rows, or sequences (n, T, ...).
        weights: Weights of rows or of sequences, (n,), or None.
        lengths: Steps of each sequence, (n,); None for independent rows.
    """

    data: Any
    weights: np.ndarray | None
    lengths: np.ndarray | None


def fit(job: Job, quiet: bool) -> tuple[jaxem.Fit, Given]:
    """Fit the model of a config; the fit, and what it was fitted to."""
    section = job.config.fit
    with _declarations_in_words(job), Interrupts() as interrupts, Bar(shown=not quiet) as bar:

        def report(progress: Any) -> None:
            bar(progress)
            interrupts.check()

        model = build(job)
        given = take(job, model)
        found = jaxem.fit(
            model,
            given.data,
            key=section.seed,
            init=_init(section),
            weights=given.weights,
            lengths=given.lengths,
            algorithm=_algorithm(section),
            progress=report,
            **_given(section),
        )
    return found, given


def explain(job: Job) -> jaxem.Explanation:
    """The plan for the model of a config."""
    with _declarations_in_words(job):
        model = build(job)
        given = take(job, model)
        return jaxem.explain(
            model,
            given.data,
            weights=given.weights,
            lengths=given.lengths,
            restarts=job.config.fit.restarts or 1,
        )


def take(job: Job, model: Any) -> Given:
    """The table as the model takes it.

    Raises:
        ConfigError: If the config speaks of sequences and the model has none, or weighs steps.
    """
    table, section = job.table, job.config.data
    rows = table.rows(_layout(job, model), job.options is not None and job.options.wide)
    if not (isinstance(model, jaxem.Model) and isinstance(model.latent, jaxem.Chain)):
        _complain(job, not_a_chain(section))
        return Given(rows, table.weights, None)
    weights, wrong = sequence_weights(section, table.steps, table.weights)
    _complain(job, wrong)
    parts = [jax.tree.map(lambda leaf, i=index: leaf[i], rows) for index in table.steps.rows]
    data, lengths = jaxem.sequences(parts)
    return Given(data, weights, lengths)


def _layout(job: Job, model: Any) -> str:
    layout = job.config.data.layout
    if layout != "auto":
        return layout
    by_name = job.options is not None and job.options.named is not None
    if isinstance(model, jaxem.Program):
        by_name = set(job.table.columns) <= set(model.argument_names)
    return "dict" if by_name else "auto"


def _complain(job: Job, wrong: list[Problem]) -> None:
    if wrong:
        raise ConfigError(job.path, wrong)


@contextmanager
def _declarations_in_words(job: Job) -> Iterator[None]:
    """A declaration that the library refuses is a problem of the config."""
    try:
        yield
    except DeclarationError as error:
        raise ConfigError(job.path, [Problem("the model and its data", str(error))]) from None


def _given(section: FitSection) -> dict[str, Any]:
    """What the config says of the rest; nothing is said of what it leaves out."""
    names = ("restarts", "tolerance", "max_steps", "time_limit", "finish")
    given = {name: getattr(section, name) for name in names if getattr(section, name) is not None}
    if section.race is not None:
        race = section.race
        given["restarts"] = jaxem.Race(section.restarts or 1, keep=race.keep, after=race.after)
    return given


def _algorithm(section: FitSection) -> Any:
    em = jaxem.EM(e_step=_e_step(section))
    around = {"squarem": jaxem.Squarem, "anderson": jaxem.Anderson}
    climber = around[section.algorithm](em) if section.algorithm in around else em
    if section.anneal is not None:
        climber = jaxem.Annealed(section.anneal, algorithm=climber)
    if section.stochastic is not None:
        options = section.stochastic.model_dump()
        climber = jaxem.Stochastic(options.pop("steps"), **options, algorithm=climber)
    return climber


def _e_step(section: FitSection) -> Any:
    return jaxem.Hard() if section.e_step == "hard" else jaxem.Exact()


def _init(section: FitSection) -> Any:
    if isinstance(section.init, str):
        return getattr(jaxem.initial, section.init)
    if section.init is None:
        return None
    return section.init
