"""The report of a finished run, by sections.

A section that does not apply to a fit, such as standard errors of k-means, holds the reason.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

import jaxem
from jaxem.cli import folder, running
from jaxem.cli.finished import Finished
from jaxem.diagnostics import Diagnosis, Optima
from jaxem.errors import Errors
from jaxem.selection import Criteria
from jaxem.types import DeclarationError


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """The sections of a report; print it.

    Attributes:
        heading: Folder, config, data, time and versions, line by line.
        sections: Results by title; a sentence where a section does not apply.
        summary: The ``summary.json`` of the run.
    """

    heading: tuple[str, ...]
    sections: Mapping[str, Any]
    summary: Mapping[str, Any]

    def __str__(self) -> str:
        lines = list(self.heading)
        for title, found in self.sections.items():
            lines += ["", title, "-" * len(title), str(found)]
        return "\n".join(lines)

    def as_json(self) -> str:
        """The report as JSON."""
        found = {title: _numbers(section) for title, section in self.sections.items()}
        return folder.json_text({"run": self.summary, **found}).rstrip()


def report(finished: Finished) -> Report:
    """Load the fit of a run and compute all sections of the report."""
    job = finished.job
    with running.declarations_in_words(job):
        model, given = running.read(job)
        fit = jaxem.load(finished.folder / "fit.npz", model)
    shared: dict[str, Any] = {"weights": given.weights, "lengths": given.lengths}
    makers: dict[str, Callable[[], Any]] = {
        "model and data": lambda: running.explain(job),
        "fit": lambda: fit,
        "optima": lambda: jaxem.landscape(fit, given.data, **shared),
        "standard errors": lambda: fit.errors(given.data, **shared),
        "criteria": lambda: jaxem.criteria(fit, given.data, **shared),
        "components": lambda: jaxem.diagnose(fit, given.data, **shared),
    }
    sections = {title: _or_sentence(make) for title, make in makers.items()}
    return Report(_heading(finished), sections, finished.summary)


def _or_sentence(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except DeclarationError as error:
        return str(error)


def _heading(finished: Finished) -> tuple[str, ...]:
    summary = finished.summary
    versions = ", ".join(f"{name} {summary['versions'][name]}" for name in ("jaxem", "jax"))
    return (
        f"jaxem report: {finished.folder}",
        f"config   {finished.job.path}",
        f"data     {summary['config']['data']['source']}: {', '.join(summary['columns'])}",
        f"fitted   in {summary['seconds']:.1f} s, with {versions}",
        *(f"note     {note}" for note in finished.notes),
    )


def _numbers(section: Any) -> Any:
    """A section as a value for JSON; as text if it has no numbers of its own."""
    match section:
        case Errors():
            return _entries(section)
        case Criteria() | Diagnosis():
            return vars(section)
        case Optima():
            return [{**vars(o), "status": o.status.name} for o in section.optima]
        case jaxem.Fit():
            return section.params
        case _:
            return str(section)


def _entries(errors: Errors) -> dict[str, Any]:
    """Standard errors of all entries, and the other results of `Errors`."""
    interval = errors.interval()
    columns = {
        "estimate": errors.estimate,
        "se": errors.se,
        "lower": interval.lower,
        "upper": interval.upper,
        "missing": errors.missing,
    }
    flat = {
        k: np.concatenate([np.ravel(x) for x in jax.tree.leaves(v)]) for k, v in columns.items()
    }
    told = ("kind", "rate", "boundary", "unidentified", "upward", "notes")
    return {
        "entries": {
            name: {key: values[i] for key, values in flat.items()}
            for i, name in enumerate(errors.names)
        },
        "level": interval.level,
        **{key: getattr(errors, key) for key in told},
    }
