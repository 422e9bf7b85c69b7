"""The output folder: parameters, summary and trace, in files that other programs read."""

import csv
import io
import json
import math
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from jaxem.cli.fingerprint import fingerprint
from jaxem.cli.loading import Job
from jaxem.cli.origin import recorded_document, recorded_path, remember
from jaxem.cli.placing import RESULTS, Placed, put
from jaxem.cli.running import Given
from jaxem.cli.states import states_csv
from jaxem.digest import digest
from jaxem.fitting import Fit
from jaxem.version import __version__

_PACKAGES = ("jax", "jaxlib", "numpyro", "optax", "numpy")


def write(folder: Path, fit: Fit, given: Given, job: Job, seconds: float) -> Placed:
    """Write ``fit.npz``, ``parameters.json``, ``summary.json``, ``trace.csv``, and states if asked.

    Args:
        folder: Created if needed; the files of an earlier run are replaced, all or none.
        fit: The fit.
        given: The data that were fitted.
        job: The config.
        seconds: Seconds of the fit, compilation included.

    Returns:
        Where the files are.
    """
    texts = {"parameters.json": json_text(fit.params), "trace.csv": _trace(fit.trace)}
    if job.config.output.hidden_states:
        texts["states.csv"] = states_csv(fit, given, job)
    told = summary(fit, given, job, seconds) | {"config_file": recorded_path(job.path, folder)}

    def fill(stage: Path) -> None:
        fit.save(stage / "fit.npz")
        for name, text in texts.items():
            (stage / name).write_text(text, encoding="utf-8")
        files = {name: digest(stage / name) for name in ("fit.npz", *texts)}
        text = json_text({**told, "files": files})
        (stage / "summary.json").write_text(text, encoding="utf-8")

    placed = put(folder, RESULTS, fill)
    if placed.folder is not None:
        remember(placed.folder, job)
    return placed


def summary(fit: Fit, given: Given, job: Job, seconds: float) -> dict[str, Any]:
    """The contents of ``summary.json``: the fit, its restarts, config, digests and versions."""
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
        "config": recorded_document(job),
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
    """A value without arrays and NaN, which JSON does not have."""
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
