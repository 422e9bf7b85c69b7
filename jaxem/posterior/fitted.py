"""A fit and its data, checked against one another, and the posterior density that they define."""

import warnings
from typing import Any, NamedTuple

import numpy as np

from jaxem.data.replaced import make_sources
from jaxem.estep import Exact
from jaxem.estep.source import Source
from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_fit
from jaxem.likelihood.edges import step_inside
from jaxem.likelihood.evidence import check_evidence
from jaxem.model import Model
from jaxem.model.binding import Declaration
from jaxem.posterior.rows import prepare
from jaxem.posterior.sources import Evidence
from jaxem.posterior.target import Target
from jaxem.types import Array, DeclarationError


class Start(NamedTuple):
    """The end of a restart, moved inside the support.

    Attributes:
        restart: Index of the restart.
        u: Flat unconstrained coordinates, (d,).
        moved: Names of the parameters that were on the boundary.
    """

    restart: int
    u: np.ndarray
    moved: tuple[str, ...]


class Fitted(NamedTuple):
    """The posterior density of a fit.

    Attributes:
        fit: The fit.
        target: The density, on replaced data where the fit ran on them.
        rows: The data as rows.
        evidence: The log evidence of the data, on either source.
    """

    fit: Fit
    target: Target
    rows: Source
    evidence: Evidence

    def holds(self, draws: dict[str, Array]) -> bool:
        """Whether replaced data give the right evidence at a few draws, leaves (draws, ...)."""
        source = self.target.source
        return source is self.rows or self.evidence.agree(draws, source, self.rows)

    def on_rows(self) -> "Fitted":
        """The density by the log joint at every row."""
        warnings.warn(
            "the sufficient statistics that the fit used were not accurate at the draws made with "
            "them; the work is done again with the log joint at every row.",
            stacklevel=3,
        )
        return self._replace(target=Target(self.target.model, self.rows))

    def start(self, restart: int) -> Start:
        """The start at the end of a restart."""
        model, plan = self.target.model, self.fit.plan
        references = {p.name: p.center() for p in model.free} | (
            {} if plan is None else plan.reference
        )
        values = {name: leaf[restart] for name, leaf in ends(self.fit, model).items()}
        inside, moved = step_inside(model.free, values, references, self.fit.rows)
        return Start(restart, self.target.coordinates(inside), moved)


def ends(fit: Fit, model: Model) -> dict[str, np.ndarray]:
    """The free parameters of all restarts by dotted name, leaves (R, ...)."""
    out = {}
    for p in model.free:
        leaf: Any = fit.restarts.params
        for key in p.path:
            leaf = leaf[key]
        out[p.name] = np.asarray(leaf)
    return out


def declared_of(fit: Fit) -> Declaration:
    """The model of a fit, or the program that becomes it.

    Raises:
        DeclarationError: If it was loaded without one.
    """
    if fit.model is None:
        raise DeclarationError(
            "this fit was loaded without its model; give it with jaxem.load(path, model)."
        )
    return fit.model


def open_fit(fit: Any, data: Any, weights: Any, points: int = 1, *, lengths: Any = None) -> Fitted:
    """The density of a fit, on the data that it was fitted to.

    Args:
        fit: The fit.
        data: Its rows.
        weights: Weights of rows, or of sequences, (n,), or None.
        points: Points at which the density will be evaluated at once.
        lengths: For a chain, the steps of each sequence, (n,).

    Raises:
        DeclarationError: If this is no fit, if it found nothing to go on from, or if the data or
            the weights are not those of the fit.
    """
    check_fit(fit, "the posterior")
    declared = declared_of(fit)
    fit.check_mode()
    bound, checked = prepare(declared, data, weights, lengths)
    model = bound.model
    present = int((checked > 0).sum())
    if present != fit.rows:
        raise DeclarationError(
            f"data has {present} rows of positive weight; the fit had {fit.rows}. Give the data "
            f"and the weights that were fitted."
        )
    direct, anchored = make_sources(fit.plan, bound, checked, points)
    evidence = Evidence(model)
    if isinstance(fit.algorithm.e_step, Exact):
        check_evidence(evidence(model.flatten(fit.params), direct), fit.log_likelihood)
    return Fitted(fit, Target(model, direct if anchored is None else anchored), direct, evidence)
