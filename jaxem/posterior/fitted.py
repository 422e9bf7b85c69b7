"""A fit and its data, checked against one another, as the density that goes on from there."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.merge import merge_rows
from jaxem.estep.batch import block_size, make_batch
from jaxem.estep.source import Direct
from jaxem.fitting import Fit
from jaxem.model import Model
from jaxem.numerics.rows import row_count
from jaxem.posterior.edges import step_inside
from jaxem.posterior.evidence import of_source, prepare_rows
from jaxem.posterior.target import Target
from jaxem.status import Status
from jaxem.types import DeclarationError

_HOPELESS = (Status.IMPOSSIBLE, Status.DEGENERATE)


class Start(NamedTuple):
    """Where a restart ended, inside the support.

    Attributes:
        restart: Its index among the restarts.
        u: Flat unconstrained coordinates, (d,).
        moved: Names of the parameters that were on the boundary.
    """

    restart: int
    u: np.ndarray
    moved: tuple[str, ...]


class Fitted(NamedTuple):
    """The density, and the fit whose ends it is explored from."""

    fit: Fit
    target: Target

    def start(self, restart: int) -> Start:
        """Where this restart ended."""
        model, plan = self.target.model, self.fit.plan
        homes = {p.name: p.center() for p in model.free} | ({} if plan is None else plan.home)
        values = {name: leaf[restart] for name, leaf in ends(self.fit, model).items()}
        inside, moved = step_inside(model.free, values, homes, self.fit.rows)
        return Start(restart, self.target.coordinates(inside), moved)


def ends(fit: Fit, model: Model) -> dict[str, np.ndarray]:
    """The free parameters of all restarts by dotted name, stacked."""
    out = {}
    for p in model.free:
        leaf: Any = fit.restarts.params
        for key in p.path:
            leaf = leaf[key]
        out[p.name] = np.asarray(leaf)
    return out


def model_of(fit: Fit) -> Model:
    """The model of a fit.

    Raises:
        DeclarationError: If it was loaded without one.
    """
    if fit.model is None:
        raise DeclarationError(
            "this fit was loaded without its model; give it with jaxem.load(path, model)."
        )
    return fit.model


def open_fit(fit: Any, data: Any, weights: Any) -> Fitted:
    """The density of a fit, on the data that it was fitted to.

    Equal rows are merged where that pays, which changes nothing but the time.

    Raises:
        DeclarationError: If this is no fit, if it found nothing to go on from, or if the data or
            the weights are not those of the fit.
    """
    if not isinstance(fit, Fit):
        raise DeclarationError(
            f"expected a fit, as jaxem.fit(model, data) returns it; got {type(fit).__name__}."
        )
    model = model_of(fit)
    if not np.isfinite(fit.objective) or fit.status in _HOPELESS:
        raise DeclarationError(
            f"the fit has no mode to go on from: its objective is {fit.objective:g}, its status "
            f"{str(fit.status)!r} ({fit.status.sentence}). Fit again with other starts, fewer "
            f"states, or a prior that keeps the parameters off the boundary."
        )
    rows, checked = prepare_rows(model, data, weights)
    present = int((checked > 0).sum())
    if present != fit.rows:
        raise DeclarationError(
            f"data has {present} rows of positive weight; the fit had {fit.rows}. Give the data "
            f"and the weights that were fitted."
        )
    merged, totals = merge_rows(rows, checked)
    size = block_size(row_count(merged), model.latent.size)
    source = Direct(make_batch(merged, totals, size), keep=False)
    _check_evidence(fit, model, source)
    return Fitted(fit, Target(model, source))


def _check_evidence(fit: Fit, model: Model, source: Direct) -> None:
    """The same parameters on the same data have the same log likelihood."""
    if fit.is_hard:
        return
    evidence = jax.jit(lambda values, source: of_source(model, values, source))
    found = float(evidence(model.flatten(fit.params), source))
    eps = float(jnp.finfo(source.batch.weights.dtype).eps)
    if not abs(found - fit.log_likelihood) <= 1e-5 + 1e4 * eps * (1 + abs(found)):
        raise DeclarationError(
            f"the log likelihood of fit.params on these data is {found:.6f}, and the fit reports "
            f"{fit.log_likelihood:.6f}. Give the data and the weights that were fitted, or fit "
            f"these first."
        )
