"""A fit in words and numbers."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxem.estep import Exact
from jaxem.model import Model
from jaxem.status import Status

if TYPE_CHECKING:
    from jaxem.fitting.result import Fit

_LARGEST = 64


def summarise(fit: "Fit") -> str:
    """The page that printing a fit shows."""
    lines = [*_unfinished(fit), *_head(fit), "", *_estimates(fit.params), "", *_restarts(fit)]
    if fit.notes:
        lines += ["", *(f"note: {note}" for note in fit.notes)]
    return "\n".join(lines)


def _unfinished(fit: "Fit") -> list[str]:
    """The first line, where no restart converged though the algorithm can."""
    status = fit.restarts.status
    if Status.CONVERGED in status or fit.status == Status.SAMPLED:
        return []
    counts = ", ".join(f"{count} {end}" for end, count in Counter(status).most_common())
    return [f"no restart converged: {counts}"]


def _head(fit: "Fit") -> list[str]:
    name = f"{fit.model.latent!r}, " if isinstance(fit.model, Model) else ""
    lines = [
        f"jaxem fit: {name}{fit.rows} rows",
        f"status          {fit.status.sentence}",
        f"{fit.algorithm.e_step.likelihood}  {fit.log_likelihood:.6f}",
    ]
    if fit.log_prior != 0:
        name = "log posterior" if isinstance(fit.algorithm.e_step, Exact) else "objective    "
        lines.append(f"{name}   {fit.objective:.6f}  (log prior {fit.log_prior:.6f})")
    lines.append(f"steps           {fit.steps}")
    lines.append(f"gradient norm   {fit.gradient_norm:.1e}  (in logs and logits)")
    lines += [f"method          {sentence}" for sentence in fit.method]
    return lines


def _estimates(params: dict[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for key, value in params.items():
        if isinstance(value, dict):
            lines += _estimates(value, f"{prefix}{key}.")
            continue
        array = np.asarray(value)
        if array.size > _LARGEST:
            lines.append(f"{prefix}{key}: array of shape {array.shape}")
            continue
        text = np.array2string(array, separator=", ", formatter={"float_kind": _format(array)})
        lines.append(f"{prefix}{key}:" + (" " if "\n" not in text else "\n") + text)
    return lines


def _format(array: np.ndarray):
    """Digits enough to tell the entries apart: values near 1e8 need more than values near 1."""
    largest = np.abs(array).max(initial=0.0)
    spread = np.ptp(array) if array.size > 1 else largest
    extra = np.log10(largest / spread) if spread > 0 and np.isfinite(largest) else 0
    digits = int(np.clip(6 + np.floor(extra), 6, 15))
    return lambda value: f"{value:.{digits}g}"


def _restarts(fit: "Fit") -> list[str]:
    restarts = fit.restarts
    if isinstance(fit.model, Model) and not fit.model.free:
        return ["no restarts: every parameter is known"]
    if len(restarts) == 1:
        return ["1 restart; a single start may find a local optimum, restarts=20 looks further"]
    usable = [s.usable for s in restarts.status]
    values = restarts.objective[np.asarray(usable)]
    lines = [f"{len(restarts)} restarts, {restarts.reached_best} reached the best objective"]
    if len(values):
        lines[0] += f"; usable ones lie between {values.min():.4f} and {values.max():.4f}"
    for status, count in Counter(restarts.status).most_common():
        lines.append(f"  {count:4d}  {status.sentence}")
    return lines
