"""Standard errors of a fit: what it was, and its data, put before `jaxem.errors`."""

from typing import TYPE_CHECKING, Any

from jaxem.algebra.plan import kinks_of
from jaxem.errors import Errors, standard_errors
from jaxem.estep import Exact
from jaxem.likelihood.evidence import check_evidence
from jaxem.likelihood.units import make_units
from jaxem.model.declaration import check_call
from jaxem.numerics.rows import take_rows
from jaxem.types import Data, DeclarationError

if TYPE_CHECKING:
    from jaxem.fitting.result import Fit


def errors_of(fit: "Fit", data: Data, weights: Any, lengths: Any, **options: Any) -> Errors:
    """`Fit.errors`; the options are those of `standard_errors`."""
    if not isinstance(fit.algorithm.e_step, Exact):
        raise DeclarationError(
            f"this fit maximised the {fit.algorithm.e_step.likelihood}, whose curvature says "
            f"nothing of errors; fit with algorithm=jaxem.EM()."
        )
    fit.check_mode()
    bound = fit.bind(data, lengths)
    given = bound.weigh(weights)
    check_call(bound.model, take_rows(bound.rows, 0))
    units = make_units(bound, given, merge=options["clusters"] is None)
    homes = {} if fit.plan is None else fit.plan.home
    found = standard_errors(
        bound.model,
        units,
        fit.params,
        homes=homes,
        resting=kinks_of(bound.model, fit.plan).resting(bound.model.flatten(fit.params)),
        compile=fit.compile,
        **options,
    )
    check_evidence(found.curvature.value - fit.log_prior, fit.log_likelihood)
    return found
