"""Fitting and judging of the models of a selection, one after another, by the same data.

Every fit is written as soon as it is made, so that an interruption loses only the one that was
running; the next run reuses fits with the same config, data, module and version.
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
from jaxem.cli.members import folder_name
from jaxem.cli.origin import recorded_document
from jaxem.cli.problems import ConfigError
from jaxem.cli.schema import SelectSection
from jaxem.digest import digest
from jaxem.selection import Criteria, HeldOut, Selection
from jaxem.types import DeclarationError

_HELD_OUT = "held_out.json"


class Outcome(NamedTuple):
    """The outcome of a selection.

    Attributes:
        selection: The fits that were judged; None if there are none.
        refused: Why others could not be judged, by label.
        missing: Labels of models that were not reached.
        interrupted: Whether the selection was stopped.
        troubles: Why fits could not be written to their folders.
    """

    selection: Selection | None
    refused: dict[str, str]
    missing: tuple[str, ...]
    interrupted: bool
    troubles: tuple[str, ...]


class Judged(NamedTuple):
    """One model that was fitted and judged.

    Attributes:
        fit: Its fit.
        criteria: Its criteria.
        held_out: Its held-out log likelihood, if there are folds.
    """

    fit: jaxem.Fit
    criteria: Criteria
    held_out: HeldOut | None


def select(jobs: Mapping[str, Job], section: SelectSection, place: Path, quiet: bool) -> Outcome:
    """Fit and judge every model.

    Args:
        jobs: The jobs of all models by label.
        section: The ``[select]`` table.
        place: The folder of results, with a subfolder for each model.
        quiet: No progress, and no line when a model is done.

    Raises:
        ConfigError: If one of the models does not fit the data.
    """
    for job in jobs.values():
        running.check(job)
    judged: dict[str, Judged] = {}
    refused: dict[str, str] = {}
    troubles: list[str] = []
    interrupted = False
    for label, job in jobs.items():
        run_folder = place / folder_name(label)
        try:
            found, again, trouble = _fit(job, run_folder, quiet)
            troubles += [f"{run_folder} {trouble}"] if trouble else []
            interrupted = found.status.name == "INTERRUPTED"
            if interrupted:
                break
            interrupts.check()
            judged[label] = _judge(found, job, section, run_folder)
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


def _fit(job: Job, run_folder: Path, quiet: bool) -> tuple[jaxem.Fit, bool, str]:
    """The fit of one model, whether it was reused, and why it could not be written, if so."""
    known = _known(job, run_folder)
    if known is not None:
        return known, True, ""
    began = time.perf_counter()
    found, given = running.fit(job, quiet)
    placed = folder.write(run_folder, found, given, job, time.perf_counter() - began)
    return found, False, placed.trouble


def _known(job: Job, run_folder: Path) -> jaxem.Fit | None:
    """The fit in a folder, if it was not interrupted and nothing has changed since; else None."""
    try:
        summary = json.loads((run_folder / "summary.json").read_text(encoding="utf-8"))
        then = summary["fingerprint"]
        same = (
            summary["config"] == json.loads(folder.json_text(recorded_document(job)))
            and then["data"] == of_table(job.table)
            and not changed(then["modules"], job.path.parent)
            and summary["versions"]["jaxem"] == jaxem.__version__
            and summary["status"] != "INTERRUPTED"
            and summary["files"]["fit.npz"] == digest(run_folder / "fit.npz")
        )
        return jaxem.load(run_folder / "fit.npz", running.read(job)[0]) if same else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DeclarationError):
        return None


def _judge(fit: jaxem.Fit, job: Job, section: SelectSection, run_folder: Path) -> Judged:
    model, given = running.read(job)
    shared: dict[str, Any] = {"weights": given.weights, "lengths": given.lengths}
    found = jaxem.criteria(fit, given.data, **shared)
    if section.folds is None:
        return Judged(fit, found, None)
    kept = _read_held_out(run_folder, section.folds)
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
        _keep_held_out(run_folder, section.folds, kept)
    return Judged(fit, found, kept)


def _keep_held_out(run_folder: Path, folds: int, kept: HeldOut) -> None:
    """Write a cross-validation to a file for the next run; errors of the disk are ignored."""
    partial = run_folder / f".{_HELD_OUT}.partial"
    try:
        told = {"folds": folds, "fit": digest(run_folder / "fit.npz"), **vars(kept)}
        partial.write_text(folder.json_text(told), encoding="utf-8")
        os.replace(partial, run_folder / _HELD_OUT)
    except OSError:
        partial.unlink(missing_ok=True)


def _read_held_out(run_folder: Path, folds: int) -> HeldOut | None:
    """The cross-validation of the same fit and folds from an earlier run, if there is one."""
    try:
        stored = json.loads((run_folder / _HELD_OUT).read_text(encoding="utf-8"))
        if (stored["folds"], stored["fit"]) != (folds, digest(run_folder / "fit.npz")):
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
