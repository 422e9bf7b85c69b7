"""The models of a selection, fitted one after the other and judged by the same data.

Every fit is written as soon as it is made, so that an interruption costs the one that was running;
the next run takes up what it finds, if config, data, module and version are the same.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import typer

import jaxem
from jaxem.cli import folder, running
from jaxem.cli.fingerprint import changed, of_table
from jaxem.cli.interrupts import interrupts
from jaxem.cli.loading import Job
from jaxem.cli.members import home_of
from jaxem.cli.origin import recorded_document
from jaxem.cli.problems import ConfigError
from jaxem.cli.schema import SelectSection
from jaxem.digest import digest
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
        troubles: What kept fits from being written to their folders.
    """

    selection: Selection | None
    refused: dict[str, str]
    missing: tuple[str, ...]
    interrupted: bool
    troubles: tuple[str, ...]


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
    troubles: list[str] = []
    interrupted = False
    for label, job in jobs.items():
        home = place / home_of(label)
        try:
            found, again, trouble = _fit(job, home, quiet)
            troubles += [f"{home} {trouble}"] if trouble else []
            interrupted = found.status.name == "INTERRUPTED"
            if interrupted:
                break
            interrupts.check()
            judged[label] = _judge(found, job, section, home)
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
    return Outcome(_selection(judged, section), refused, missing, interrupted, tuple(troubles))


def _fit(job: Job, home: Path, quiet: bool) -> tuple[jaxem.Fit, bool, str]:
    """The fit of one model, whether it was there already, and why it could not be written."""
    known = _known(job, home)
    if known is not None:
        return known, True, ""
    began = time.perf_counter()
    found, given = running.fit(job, quiet)
    placed = folder.write(home, found, given, job, time.perf_counter() - began)
    return found, False, placed.trouble


def _known(job: Job, home: Path) -> jaxem.Fit | None:
    """The fit in a folder, if it came to its own end and nothing has changed since."""
    try:
        summary = json.loads((home / "summary.json").read_text(encoding="utf-8"))
        then = summary["fingerprint"]
        same = (
            summary["config"] == json.loads(folder.json_text(recorded_document(job)))
            and then["data"] == of_table(job.table)
            and not changed(then["modules"], job.path.parent)
            and summary["versions"]["jaxem"] == jaxem.__version__
            and summary["status"] != "INTERRUPTED"
            and summary["files"]["fit.npz"] == digest(home / "fit.npz")
        )
        return jaxem.load(home / "fit.npz", running.read(job)[0]) if same else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DeclarationError):
        return None


def _judge(fit: jaxem.Fit, job: Job, section: SelectSection, home: Path) -> Judged:
    model, given = running.read(job)
    shared: dict[str, Any] = {"weights": given.weights, "lengths": given.lengths}
    found = jaxem.criteria(fit, given.data, **shared)
    if section.folds is None:
        return Judged(fit, found, None)
    kept = _read_held_out(home, section.folds)
    if kept is None:
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
        _keep_held_out(home, section.folds, kept)
    return Judged(fit, found, kept)


def _keep_held_out(home: Path, folds: int, kept: HeldOut) -> None:
    """Keep a cross-validation for the next run; it costs time alone if it cannot be kept."""
    beside = home / f".{_HELD_OUT}.partial"
    try:
        told = {"folds": folds, "fit": digest(home / "fit.npz"), **vars(kept)}
        beside.write_text(folder.json_text(told), encoding="utf-8")
        os.replace(beside, home / _HELD_OUT)
    except OSError:
        beside.unlink(missing_ok=True)


def _read_held_out(home: Path, folds: int) -> HeldOut | None:
    """What a run before has kept of the same fit and as many folds."""
    try:
        stored = json.loads((home / _HELD_OUT).read_text(encoding="utf-8"))
        if (stored["folds"], stored["fit"]) != (folds, digest(home / "fit.npz")):
            return None
        arrays = {key: np.asarray(stored[key], float) for key in ("per_fold", "weight")}
        return HeldOut(float(stored["log_likelihood"]), float(stored["error"]), **arrays)
    except (OSError, ValueError, KeyError, TypeError):
        return None


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
