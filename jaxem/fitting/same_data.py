"""Whether a fit is one, and data are those that were fitted."""

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxem.initial import Setting
from jaxem.likelihood.evidence import check_evidence
from jaxem.objective.exact import exact_evidence
from jaxem.types import Data, DeclarationError

if TYPE_CHECKING:
    from jaxem.fitting.result import Fit


def check_fit(fit: Any, caller: str) -> None:
    """Whether an argument is a fit.

    Args:
        fit: The argument.
        caller: Name of the public function that was given it.

    Raises:
        DeclarationError: If it is no `Fit`.
    """
    if not hasattr(fit, "check_mode"):
        raise DeclarationError(
            f"{caller} takes a fit, the result of jaxem.fit; got an object of type "
            f"{type(fit).__name__}."
        )


def check_same_data(fit: "Fit", data: Data, weights: Any, lengths: Any) -> None:
    """The fitted parameters have on these data the log likelihood that the fit reports.

    Args:
        fit: The fit.
        data: Rows, or sequences.
        weights: Of rows, or of sequences, (n,).
        lengths: For chains, the steps of each sequence, (n,).

    Raises:
        DeclarationError: If they have another.
    """
    bound = fit.bound(data, lengths)
    given = bound.weigh(weights)
    if fit.plan is not None:  # compiled already
        setting = Setting(bound.model, fit.plan, bound.rows, given, bound.sequences)
        values = {name: np.asarray(leaf) for name, leaf in bound.model.flatten(fit.params).items()}
        found = exact_evidence(setting, fit.algorithm.e_step, values)
    else:
        given = bound.by_unit(given)
        density = np.asarray(fit.log_density(data, lengths=lengths), float)
        present = given > 0
        found = float(given[present] @ density[present])
    check_evidence(found, fit.log_likelihood)
