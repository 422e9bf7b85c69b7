"""What there is to say of a finished run, section by section.

A section that makes no sense of a fit, such as standard errors of k-means, has the sentence that
says why in its place.
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
        heading: What was run, line by line.
        sections: What was found, by title; a sentence where there is nothing to find.
        summary: What the run itself wrote.
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
        """The same for other programs."""
        found = {title: _numbers(section) for title, section in self.sections.items()}
        return folder.json_text({"run": self.summary, **found}).rstrip()


def report(finished: Finished) -> Report:
    """Read a fit back and look at it from every side."""
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
    """A section as JSON can say it; what only prints is text."""
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
    """Standard errors, an entry a line, and what was found besides."""
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
