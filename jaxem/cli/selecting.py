"""The models of a selection, fitted one after the other and judged by the same data.

Every fit is written as soon as it is made, so that an interruption costs the one that was running;
the next run takes up what it finds, if config, data, module and version are the same.
"""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import typer

import jaxem
from jaxem.cli import folder, running
from jaxem.cli.fingerprint import fingerprint
from jaxem.cli.interrupts import Interrupts
from jaxem.cli.loading import Job
from jaxem.cli.problems import ConfigError
from jaxem.cli.schema import SelectSection
from jaxem.selection import Criteria, HeldOut, Selection
from jaxem.types import DeclarationError

_HELD_OUT = "held_out.json"


class Outcome(NamedTuple):
    """How far a selection came.

    Attributes:
        selection: The fits that could be judged; None if none could.
        refused: Why others could not be, by label.
        missing: Labels that were not come to.
        interrupted: Whether it was stopped.
    """

    selection: Selection | None
    refused: dict[str, str]
    missing: tuple[str, ...]
    interrupted: bool


class Judged(NamedTuple):
    """What is known of one model.

    Attributes:
        fit: Its fit.
        criteria: Its criteria.
        held_out: Its held-out log likelihood, if that was asked for.
    """

    fit: jaxem.Fit
    criteria: Criteria
    held_out: HeldOut | None


def select(jobs: Mapping[str, Job], section: SelectSection, place: Path, quiet: bool) -> Outcome:
    """Fit and judge every model.

    Args:
        jobs: By label.
        section: What is said of the selection.
        place: The folder; each model has one of its own in it.
        quiet: No progress, and no line when a model is done.

    Raises:
        ConfigError: If one of them does not go with the data.
    """
    for job in jobs.values():
        running.check(job)
    judged: dict[str, Judged] = {}
    refused: dict[str, str] = {}
    interrupted = False
    for label, job in jobs.items():
        try:
            found, again = _fit(job, home_of(place, label), quiet)
            interrupted = found.status.name == "INTERRUPTED"
            if interrupted:
                break
            judged[label] = _judge(found, job, section, home_of(place, label))
        except ConfigError as error:
            refused[label] = " ".join(problem.said for problem in error.problems)
        except DeclarationError as error:
            refused[label] = str(error)
        except KeyboardInterrupt:
            interrupted = True
            break
        else:
            taken = "; taken from the run before" if again else ""
            if not quiet:
                said = f"log likelihood {found.log_likelihood:.4f}, {found.status}{taken}"
                typer.echo(f"{label}: {said}")
    missing = tuple(label for label in jobs if label not in judged and label not in refused)
    return Outcome(_selection(judged, section), refused, missing, interrupted)


def home_of(place: Path, label: str) -> Path:
    """The folder of one model."""
    return place / re.sub(r"[^\w.=,-]+", "_", label.replace(", ", ","))


def _fit(job: Job, home: Path, quiet: bool) -> tuple[jaxem.Fit, bool]:
    """The fit of one model, and whether it was there already."""
    known = _known(job, home)
    if known is not None:
        return known, True
    began = time.perf_counter()
    found, given = running.fit(job, quiet)
    folder.write(home, found, given, job, time.perf_counter() - began)
    (home / _HELD_OUT).unlink(missing_ok=True)
    return found, False


def _known(job: Job, home: Path) -> jaxem.Fit | None:
    """The fit in a folder, if it came to its own end and nothing has changed since."""
    try:
        summary = json.loads((home / "summary.json").read_text(encoding="utf-8"))
        same = (
            summary["config"] == folder.plain(job.document)
            and summary["fingerprint"] == fingerprint(job)
            and summary["versions"]["jaxem"] == jaxem.__version__
            and summary["status"] != "INTERRUPTED"
        )
        return jaxem.load(home / "fit.npz", running.read(job)[0]) if same else None
    except (OSError, ValueError, KeyError, DeclarationError):
        return None


def _judge(fit: jaxem.Fit, job: Job, section: SelectSection, home: Path) -> Judged:
    model, given = running.read(job)
    shared: dict[str, Any] = {"weights": given.weights, "lengths": given.lengths}
    found = jaxem.criteria(fit, given.data, **shared)
    if section.folds is None:
        return Judged(fit, found, None)
    kept = _read_held_out(home, section.folds)
    if kept is None:
        with Interrupts() as interrupts:
            kept = jaxem.cross_validate(
                model,
                given.data,
                folds=section.folds,
                restarts=job.config.fit.restarts or 1,
                key=job.config.fit.seed,
                algorithm=running.algorithm_of(job.config.fit),
                **shared,
            )
            interrupts.check()
        folder.replace(home / _HELD_OUT, folder.json_text({"folds": section.folds, **vars(kept)}))
    return Judged(fit, found, kept)


def _read_held_out(home: Path, folds: int) -> HeldOut | None:
    try:
        stored = json.loads((home / _HELD_OUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if stored.pop("folds", None) != folds:
        return None
    arrays = {key: np.asarray(stored.pop(key), float) for key in ("per_fold", "weight")}
    return HeldOut(float(stored["log_likelihood"]), float(stored["error"]), **arrays)


def _selection(judged: Mapping[str, Judged], section: SelectSection) -> Selection | None:
    if not judged:
        return None
    held_out = {label: j.held_out for label, j in judged.items() if j.held_out is not None}
    return Selection(
        fits={label: j.fit for label, j in judged.items()},
        criteria={label: j.criteria for label, j in judged.items()},
        held_out=held_out,
        criterion=section.criterion,
    )
