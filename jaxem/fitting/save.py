"""Saving a fit to one file, and loading it."""

import dataclasses
import json
import os
import secrets
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

import jaxem.version
from jaxem.algorithm import (
    EM,
    Algorithm,
    Anderson,
    Annealed,
    Incremental,
    Online,
    Squarem,
    Stochastic,
    WarmUp,
)
from jaxem.digest import same_run
from jaxem.estep import EStep, Exact, Hard, Tempered
from jaxem.fitting.result import Fit, Restarts
from jaxem.model import Model
from jaxem.model.binding import Declaration
from jaxem.model.declaration import check_params
from jaxem.status import Status
from jaxem.types import DeclarationError

_FORMAT = 1

_E_STEPS: dict[str, type[EStep]] = {kind.__name__: kind for kind in (Exact, Hard, Tempered)}

_AROUND: dict[str, Any] = {a.__name__: a for a in (Squarem, Anderson, Online, Incremental)}
_WARM_UPS: dict[str, Any] = {a.__name__: a for a in (Annealed, Stochastic)}


def save(fit: Fit, path: str | Path) -> None:
    """Write a fit as an .npz file with a JSON header; the file appears whole or not at all.

    Args:
        fit: The fit. Its model, which is code, and its plan are not stored.
        path: Where; ".npz" is added if it is missing.
    """
    path = _with_suffix(path)
    if not path.parent.is_dir():
        raise DeclarationError(f"cannot save to {path}: there is no folder {path.parent}.")
    header = {
        "format": _FORMAT,
        "jaxem": jaxem.version.__version__,
        "objective": fit.objective,
        "log_likelihood": fit.log_likelihood,
        "log_prior": fit.log_prior,
        "status": int(fit.status),
        "steps": fit.steps,
        "gradient_norm": fit.gradient_norm,
        "rows": fit.rows,
        "notes": list(fit.notes),
        "endless": list(fit.endless),
        "method": list(fit.method),
        "best": fit.restarts.best,
        "e_step": _record(fit.algorithm.e_step),
        "algorithm": _record_algorithm(fit.algorithm),
        "warm_up_steps": fit.warm_up_steps,
    }
    restarts = fit.restarts
    arrays = {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "restart_objective": restarts.objective,
        "restart_log_likelihood": restarts.log_likelihood,
        "restart_status": np.asarray(restarts.status, int),
        "restart_steps": restarts.steps,
        "restart_gradient_norm": restarts.gradient_norm,
        "trace_values": np.concatenate(restarts.traces),
        "trace_lengths": np.asarray([len(t) for t in restarts.traces]),
    }
    arrays |= {f"param/{k}": v for k, v in _flatten(restarts.params)}
    _write(path, arrays)


def load(path: str | Path, model: Declaration | None = None) -> Fit:
    """Read a fit that `Fit.save` wrote.

    Args:
        path: The file, or the folder that the command line wrote. A fit that is not the one of
            which the ``summary.json`` beside it speaks is refused.
        model: The model, if responsibilities and predictions are wanted.

    Returns:
        The fit, without its plan.

    Raises:
        DeclarationError: If the file is missing, or is not a saved fit.
    """
    folder, path = Path(path), _with_suffix(path)
    if folder.is_dir() and not path.exists():
        path = folder / "fit.npz"
    if not path.exists():
        raise DeclarationError(f"there is no file {path}.")
    if not same_run(path):
        raise DeclarationError(
            f"{path} and the summary.json beside it are of different runs, or one of them has been "
            f"changed. Fit again; or load a copy of the file from a folder of its own."
        )
    try:
        with np.load(path) as stored:
            arrays = dict(stored)
        header = json.loads(arrays["header"].tobytes())
    except (ValueError, KeyError, OSError, EOFError, BadZipFile, zlib.error) as error:
        raise DeclarationError(f"{path} is not a fit that jaxem saved: {error}.") from None
    params = _nest({k.removeprefix("param/"): v for k, v in arrays.items() if "/" in k})
    if isinstance(model, Model):  # a program learns its parameters from data
        check_params(model, pick(params, header["best"]), f"the fit in {path}")
    ends = np.cumsum(arrays["trace_lengths"])[:-1]
    restarts = Restarts(
        objective=arrays["restart_objective"],
        log_likelihood=arrays["restart_log_likelihood"],
        status=[Status(int(s)) for s in arrays["restart_status"]],
        steps=arrays["restart_steps"],
        gradient_norm=arrays["restart_gradient_norm"],
        params=params,
        traces=tuple(np.split(arrays["trace_values"], ends)),
        best=header["best"],
    )
    return Fit(
        params=pick(params, restarts.best),
        objective=header["objective"],
        log_likelihood=header["log_likelihood"],
        log_prior=header["log_prior"],
        status=Status(header["status"]),
        steps=header["steps"],
        trace=restarts.traces[restarts.best],
        gradient_norm=header["gradient_norm"],
        restarts=restarts,
        plan=None,
        model=model,
        algorithm=_algorithm(header, path),
        rows=header["rows"],
        notes=tuple(header["notes"]),
        endless=tuple(header["endless"]),
        method=tuple(header["method"]),
        warm_up_steps=header["warm_up_steps"],
    )


def _algorithm(header: dict[str, Any], path: Path) -> Algorithm:
    """The algorithm without those of its options that are code."""
    em = EM(_e_step(header["e_step"], path))
    record = header["algorithm"]
    kind = record["climber"]
    climber = _AROUND[kind](em, **record["options"]) if kind in _AROUND else em
    if "warm_up" in record:
        return _WARM_UPS[record["warm_up"]](**record["first"], algorithm=climber)
    return climber


def pick(params: dict[str, Any], index: int) -> dict[str, Any]:
    """One restart of stacked, nested parameters."""
    return {k: pick(v, index) if isinstance(v, dict) else v[index] for k, v in params.items()}


def _record_algorithm(algorithm: Algorithm) -> dict[str, Any]:
    if not isinstance(algorithm, WarmUp):
        return {"climber": type(algorithm).__name__, "options": _written(algorithm)}
    first = {"warm_up": type(algorithm).__name__, "first": _written(algorithm)}
    return {**_record_algorithm(algorithm.algorithm), **first}


def _written(algorithm: Any) -> dict[str, Any]:
    """The options that are numbers or words; others are code."""
    options = {f.name: getattr(algorithm, f.name) for f in dataclasses.fields(algorithm)}
    options = {k: v.item() if isinstance(v, np.generic) else v for k, v in options.items()}
    return {k: v for k, v in options.items() if type(v) in (bool, int, float, str, tuple)}


def _record(e_step: EStep) -> dict[str, Any]:
    return {"kind": type(e_step).__name__, **dataclasses.asdict(e_step)}


def _e_step(record: dict[str, Any], path: Path) -> EStep:
    kind = record.pop("kind")
    if kind not in _E_STEPS:
        raise DeclarationError(f"{path} was fitted with an E-step that jaxem lacks: {kind}.")
    return _E_STEPS[kind](**record)


def _with_suffix(path: str | Path) -> Path:
    path = Path(path)
    return path if path.suffix == ".npz" else path.with_name(path.name + ".npz")


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write beside and rename; the file is as readable as the person's umask says."""
    temporary = path.with_name(f".jaxem-{secrets.token_hex(6)}.partial")
    try:
        with temporary.open("xb") as file:
            np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _flatten(params: dict[str, Any], prefix: str = ""):
    for key, value in params.items():
        name = prefix + key.replace("%", "%25").replace("/", "%2F")  # a slash is a level here
        if isinstance(value, dict):
            yield from _flatten(value, f"{name}/")
        else:
            yield name, np.asarray(value)


def _nest(flat: dict[str, np.ndarray]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in flat.items():
        parts = [part.replace("%2F", "/").replace("%25", "%") for part in name.split("/")]
        *parents, last = parts
        branch = out
        for key in parents:
            branch = branch.setdefault(key, {})
        branch[last] = value
    return out
