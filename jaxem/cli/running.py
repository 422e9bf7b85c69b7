"""Calls of the library from a checked config: the part of the command line that needs JAX."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np

import jaxem
from jaxem.cli.declared import build
from jaxem.cli.interrupts import interrupts
from jaxem.cli.limits import too_large
from jaxem.cli.loading import Job
from jaxem.cli.problems import ConfigError, Problem
from jaxem.cli.progress import Bar
from jaxem.cli.schema import FitSection
from jaxem.cli.steps import not_a_chain, sequence_weights
from jaxem.cli.table import Table
from jaxem.fitting.options import check_finish
from jaxem.model.binding import Declaration, bind_steps
from jaxem.model.declaration import check_declaration
from jaxem.types import DeclarationError


class Given(NamedTuple):
    """The table of a config in the form of its model.

    Attributes:
        data: Rows, or sequences (n, T, ...).
        weights: Weights of rows or of sequences, (n,), or None.
        lengths: Steps of each sequence, (n,); None for independent rows.
    """

    data: Any
    weights: np.ndarray | None
    lengths: np.ndarray | None


def fit(job: Job, quiet: bool) -> tuple[jaxem.Fit, Given]:
    """Fit the model of a config; the fit, and the data that were fitted."""
    section = job.config.fit
    with declarations_in_words(job), interrupts, Bar(shown=not quiet) as bar:

        def report(progress: Any) -> None:
            bar(progress)
            interrupts.check()

        model, given = read(job)
        found = jaxem.fit(
            model,
            given.data,
            key=section.seed,
            init=_init(section),
            weights=given.weights,
            lengths=given.lengths,
            algorithm=algorithm_of(section),
            progress=report,
            restarts=restarts_of(section),
            **_given(section),
        )
    return found, given


def explain(job: Job) -> jaxem.Explanation:
    """The plan for the model of a config."""
    section = job.config.fit
    with declarations_in_words(job):
        model, given = read(job)
        return jaxem.explain(
            model,
            given.data,
            weights=given.weights,
            lengths=given.lengths,
            restarts=restarts_of(section),
            algorithm=algorithm_of(section),
            finish=section.finish,
        )


def read(job: Job) -> tuple[Declaration, Given]:
    """The model of a config, and its table in the form of this model.

    Raises:
        ConfigError: If they do not go together.
        DeclarationError: If the declaration is wrong.
    """
    model = build(job)
    if isinstance(model, jaxem.Model):
        numbers = sum(int(np.prod(parameter.shape)) for parameter in model.parameters)
        _raise_if(job, too_large(job.config.fit.restarts or 1, numbers))
    return model, take(job, model)


def check(job: Job) -> None:
    """Check that a model fits its data, before anything is fitted.

    Raises:
        ConfigError: If they do not go together.
    """
    with declarations_in_words(job):
        model, given = read(job)
        bound = bind_steps(model, given.data, given.lengths)
        bound.weigh(given.weights)
        check_finish(bound.model, algorithm_of(job.config.fit), job.config.fit.finish)
        check_declaration(bound.model, bound.rows)


def take(job: Job, model: Any) -> Given:
    """The table in the form of the model.

    Raises:
        ConfigError: If the config speaks of sequences and the model has none, or weighs steps.
    """
    table, section = job.table, job.config.data
    rows = table.rows(_layout(job, model), job.options is not None and job.options.wide)
    if isinstance(model, jaxem.Program) and section.sequence is None:
        return _in_time(rows, table)
    chain = isinstance(model, jaxem.Model) and isinstance(model.latent, jaxem.Chain)
    if not (chain or isinstance(model, jaxem.Program)):
        _raise_if(job, not_a_chain(section))
        return Given(rows, table.weights, None)
    weights, wrong = sequence_weights(section, table.steps, table.weights)
    _raise_if(job, wrong)
    parts = [jax.tree.map(lambda leaf, i=index: leaf[i], rows) for index in table.steps.rows]
    data, lengths = jaxem.sequences(parts)
    return Given(data, weights, lengths)


def _in_time(rows: Any, table: Table) -> Given:
    """Rows of a program without sequences, in the order of time if there is one."""
    if table.steps.times is None:
        return Given(rows, table.weights, None)
    (order,) = table.steps.rows
    weights = None if table.weights is None else table.weights[order]
    return Given(jax.tree.map(lambda leaf: leaf[order], rows), weights, None)


def _layout(job: Job, model: Any) -> str:
    layout = job.config.data.layout
    if layout != "auto":
        return layout
    by_name = job.options is not None and job.options.named is not None
    if isinstance(model, jaxem.Program):
        by_name = set(job.table.columns) <= set(model.argument_names)
    return "dict" if by_name else "auto"


def _raise_if(job: Job, wrong: list[Problem]) -> None:
    if wrong:
        raise ConfigError(job.path, wrong)


@contextmanager
def declarations_in_words(job: Job) -> Iterator[None]:
    """A context that raises declaration errors as problems of the config."""
    try:
        yield
    except DeclarationError as error:
        raise ConfigError(job.path, [Problem("the model and its data", str(error))]) from None


def _given(section: FitSection) -> dict[str, Any]:
    """The remaining arguments of `jaxem.fit` that the config gives."""
    names = ("tolerance", "max_steps", "time_limit", "finish")
    return {name: getattr(section, name) for name in names if getattr(section, name) is not None}


def restarts_of(section: FitSection) -> int | jaxem.Race:
    """The number of restarts, or a race."""
    count, race = section.restarts or 1, section.race
    return count if race is None else jaxem.Race(count, keep=race.keep, after=race.after)


def algorithm_of(section: FitSection) -> Any:
    """The algorithm of a config."""
    em = jaxem.EM(e_step=_e_step(section))
    algorithm = _accelerated(section, em)
    if section.anneal is not None:
        algorithm = jaxem.Annealed(section.anneal, algorithm=algorithm)
    if section.stochastic is not None:
        options = section.stochastic.model_dump()
        algorithm = jaxem.Stochastic(options.pop("steps"), **options, algorithm=algorithm)
    return algorithm


def _accelerated(section: FitSection, em: jaxem.EM) -> Any:
    around = {"squarem": jaxem.Squarem, "anderson": jaxem.Anderson}
    by_minibatches = {"online": jaxem.Online, "incremental": jaxem.Incremental}
    name, size = section.algorithm, section.batch_size
    if name in by_minibatches and size is not None:
        return by_minibatches[name](em, batch_size=size)
    if name in by_minibatches:
        raise DeclarationError(
            f'algorithm = "{name}" needs the rows of a minibatch, as in batch_size = 1000.'
        )
    if size is not None:
        raise DeclarationError(
            f'batch_size = {size} is for algorithm = "online" or "incremental"; it is "{name}".'
        )
    return around[name](em) if name in around else em


def _e_step(section: FitSection) -> Any:
    return jaxem.Hard() if section.e_step == "hard" else jaxem.Exact()


def _init(section: FitSection) -> Any:
    if isinstance(section.init, str):
        return getattr(jaxem.initial, section.init)
    if section.init is None:
        return None
    return section.init
