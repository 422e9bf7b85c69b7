"""Standard errors of a fit: what it was, and its data, put before `jaxem.errors`."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxem.algebra.plan import kinks_of
from jaxem.data.replaced import make_replaced
from jaxem.errors import Errors, standard_errors
from jaxem.estep import Exact
from jaxem.likelihood.evidence import check_evidence
from jaxem.likelihood.units import make_units
from jaxem.model import Model
from jaxem.model.binding import Bound
from jaxem.model.declaration import check_call
from jaxem.numerics.columns import AT_ONCE
from jaxem.numerics.rows import take_rows
from jaxem.status import Status
from jaxem.types import Data, DeclarationError

if TYPE_CHECKING:
    from jaxem.fitting.result import Fit


def errors_of(fit: "Fit", data: Data, weights: Any, lengths: Any, **options: Any) -> Errors:
    """`Fit.errors`; the options are those of `standard_errors`."""
    bound, given = fitted_data(fit, data, weights, lengths)
    return errors_on(fit, bound, given, options["clusters"] is None, **options)


def fitted_data(fit: "Fit", data: Data, weights: Any, lengths: Any) -> tuple[Bound, np.ndarray]:
    """The data of a fit whose likelihood can be differentiated, and weights of all its rows, (N,).

    Raises:
        DeclarationError: If it maximised something else, has no mode, or cannot read the data.
    """
    if not isinstance(fit.algorithm.e_step, Exact):
        raise DeclarationError(
            f"this fit maximised the {fit.algorithm.e_step.likelihood}, whose curvature says "
            f"nothing of errors; fit with algorithm=jaxem.EM()."
        )
    fit.check_mode()
    bound = fit.bound(data, lengths)
    given = bound.weigh(weights)
    check_call(bound.model, take_rows(bound.rows, 0))
    return bound, given


def errors_on(fit: "Fit", bound: Bound, weights: np.ndarray, merge: bool, **options: Any) -> Errors:
    """Standard errors on `fitted_data`; if equal rows are not merged, units are in their order.

    Raises:
        DeclarationError: If an option is unknown, or these are not the data of the fit.
    """
    units = make_units(bound, weights, merge, AT_ONCE)
    if merge and options["kind"] == "information":
        replaced = make_replaced(fit.plan, bound, weights)
        units = dataclasses.replace(units, replaced=replaced)
    references = {} if fit.plan is None else fit.plan.reference
    found = standard_errors(
        bound.model,
        units,
        fit.params,
        references=references,
        resting=_at_kinks(fit, bound.model),
        endless=fit.endless,
        compile=fit.compile,
        **options,
    )
    check_evidence(found.curvature.value - fit.log_prior, fit.log_likelihood)
    if fit.converged or fit.status == Status.SEPARATED:  # whose errors say so themselves
        return found
    note = (
        f"the fit ended with the status {str(fit.status)!r}: these are the errors of where it "
        f"stopped, which may be no mode. Fit on until it converges."
    )
    return dataclasses.replace(found, notes=(*found.notes, note))


def _at_kinks(fit: "Fit", model: Model) -> dict[str, np.ndarray]:
    """Which entries of parameters are at a kink of the prior, or have kinks in the log joint."""
    resting = dict(kinks_of(model, fit.plan).resting(model.flatten(fit.params)))
    for name in fit.plan.nonsmooth if fit.plan is not None else ():
        resting[name] = np.ones(model.parameter(name).shape, bool)
    return resting
