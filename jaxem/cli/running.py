"""From a checked config to a call of the library: the part of the command line that needs JAX."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jaxem
from jaxem.cli.declared import build
from jaxem.cli.interrupts import Interrupts
from jaxem.cli.loading import Job
from jaxem.cli.problems import ConfigError, Problem
from jaxem.cli.progress import Bar
from jaxem.cli.schema import FitSection
from jaxem.types import DeclarationError


def fit(job: Job, quiet: bool) -> jaxem.Fit:
    """Fit the model of a config."""
    section = job.config.fit
    with _declarations_in_words(job), Interrupts() as interrupts, Bar(shown=not quiet) as bar:

        def report(progress: Any) -> None:
            bar(progress)
            interrupts.check()

        model = build(job)
        return jaxem.fit(
            model,
            data(job, model),
            key=section.seed,
            init=_init(section),
            weights=job.table.weights,
            algorithm=_algorithm(section),
            progress=report,
            **_given(section),
        )


def explain(job: Job) -> jaxem.Explanation:
    """The plan for the model of a config."""
    with _declarations_in_words(job):
        restarts = job.config.fit.restarts or 1
        model = build(job)
        return jaxem.explain(model, data(job, model), weights=job.table.weights, restarts=restarts)


def data(job: Job, model: Any) -> Any:
    """The rows as the model sees them."""
    wide = job.options is not None and job.options.wide
    layout = job.config.data.layout
    if layout == "auto" and isinstance(model, jaxem.Program):
        by_name = set(job.table.columns) <= set(model.argument_names)
        layout = "dict" if by_name else "auto"
    return job.table.rows(layout, wide)


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
    return around[section.algorithm](em) if section.algorithm in around else em


def _e_step(section: FitSection) -> Any:
    return jaxem.Hard() if section.e_step == "hard" else jaxem.Exact()


def _init(section: FitSection) -> Any:
    if isinstance(section.init, str):
        return getattr(jaxem.initial, section.init)
    if section.init is None:
        return None
    return section.init
