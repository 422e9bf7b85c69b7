"""The output folder: parameters, summary and trace, in files that other programs read."""

import csv
import io
import json
import math
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from jaxem.cli.fingerprint import fingerprint
from jaxem.cli.loading import Job
from jaxem.cli.problems import ConfigError, Problem
from jaxem.cli.running import Given
from jaxem.cli.states import states_csv
from jaxem.fitting import Fit
from jaxem.version import __version__

_PACKAGES = ("jax", "jaxlib", "numpyro", "optax", "numpy")


def check(folder: Path) -> None:
    """Complain of a folder that cannot be written, before any work is done; nothing is made yet.

    Raises:
        ConfigError: If it cannot be made or written to.
    """
    exists = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not exists.is_dir():
        said = f"{exists} is a file. Name another folder with --output FOLDER."
        raise ConfigError("output", [Problem(str(folder), said)])
    if not os.access(exists, os.W_OK):
        said = f"{exists} cannot be written to. Name another folder with --output FOLDER."
        raise ConfigError("output", [Problem(str(folder), said)])


def write(folder: Path, fit: Fit, given: Given, job: Job, seconds: float) -> list[Path]:
    """Write ``fit.npz``, ``parameters.json``, ``summary.json``, ``trace.csv``, and states if asked.

    Args:
        folder: Made if needed; files of these names are replaced.
        fit: What came out.
        given: What it was fitted to.
        job: The config that it came from.
        seconds: How long the fit took, compilation included.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fit.save(folder / "fit.npz")
    texts = {
        "parameters.json": json_text(fit.params),
        "summary.json": json_text(summary(fit, given, job, seconds)),
        "trace.csv": _trace(fit.trace),
    }
    if job.config.output.hidden_states:
        texts["states.csv"] = states_csv(fit, given, job)
    for name, text in texts.items():
        replace(folder / name, text)
    return [folder / "fit.npz", *(folder / name for name in texts)]


def summary(fit: Fit, given: Given, job: Job, seconds: float) -> dict[str, Any]:
    """What was fitted and how it ended."""
    objectives = np.asarray(fit.restarts.objective)
    return {
        "objective": fit.objective,
        "log_likelihood": fit.log_likelihood,
        "log_prior": fit.log_prior,
        "status": fit.status.name,
        "sentence": fit.status.sentence,
        "converged": fit.converged,
        "steps": fit.steps,
        "gradient_norm": fit.gradient_norm,
        "method": fit.method,
        "notes": fit.notes,
        "rows": fit.rows,
        **({} if given.lengths is None else {"sequences": len(given.lengths)}),
        "columns": list(job.table.columns),
        "seconds": round(seconds, 3),
        "restarts": {
            "count": len(objectives),
            "best": fit.restarts.best,
            "reached_best": fit.restarts.reached_best,
            "status": [status.name for status in fit.restarts.status],
            "objective": objectives,
            "steps": fit.restarts.steps,
            "gradient_norm": fit.restarts.gradient_norm,
        },
        "config": job.document,
        "config_file": str(job.path.resolve()),
        "fingerprint": fingerprint(job),
        "versions": {"python": platform.python_version(), "jaxem": __version__, **_versions()},
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def plain(value: Any) -> Any:
    """What JSON can say: it has no arrays, and no NaN."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def json_text(value: Any) -> str:
    """Any value as JSON."""
    return json.dumps(plain(value), indent=2, allow_nan=False, default=str) + "\n"


def _trace(trace: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "objective"])
    writer.writerows((step, repr(float(value))) for step, value in enumerate(np.asarray(trace)))
    return text.getvalue()


def replace(path: Path, text: str) -> None:
    """Write beside and rename, so that no reader ever sees half a file."""
    beside = path.with_name(f".{path.name}.partial")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
