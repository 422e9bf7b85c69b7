r"""Checks that a fit is a mode, as the implicit function theorem requires.

Where the gradient of the log posterior is zero and its curvature I is definite, the mode is a
function of everything that the log posterior depends on, and with s any of it

.. math:: \frac{\partial \hat u}{\partial s} = I^{-1} \frac{\partial^2 F}{\partial u\,\partial s}.

The labels of the components, and the start that they come from, play no part: locally there is one
mode. What lies on the boundary of its support stays there, and has derivative zero.
"""

from typing import Any

import numpy as np

from jaxem.errors import Errors
from jaxem.errors.surface import Quantity
from jaxem.fitting import Fit
from jaxem.fitting.uncertainty import errors_on, fitted_data
from jaxem.model.binding import Bound
from jaxem.types import Data, DeclarationError

#: Nats that a Newton step may gain at a mode: at 1e-4 it is at most 0.014 standard errors long.
_GAIN = 1e-4


def errors_at_mode(
    fit: Fit, data: Data, of: Quantity | None, weights: Any, lengths: Any
) -> tuple[Errors, Bound, np.ndarray]:
    """The errors of a fit that is a mode, its data, and weights of all rows, (N,).

    Units are in the order of the data.

    Raises:
        DeclarationError: If these are not the data of the fit, or it is no mode.
    """
    bound, given = fitted_data(fit, data, weights, lengths)
    errors = errors_on(fit, bound, given, False, of=of, kind="information", clusters=None)
    if errors.upward:
        raise DeclarationError(
            f"the fit is a saddle: its objective curves upwards along {errors.upward[0]}, and a "
            f"mode elsewhere has other derivatives. Fit again with more restarts."
        )
    gradient = errors.curvature.gradient
    gain = float(gradient @ errors.identified.inverse @ gradient) / 2
    if not gain <= _GAIN:
        raise DeclarationError(
            f"the fit is no mode, where derivatives could be taken: a Newton step would gain "
            f"{gain:.2g} nats; its status is {str(fit.status)!r} ({fit.status.sentence}). Fit with "
            f'more steps, a smaller tolerance or finish="newton".'
        )
    return errors, bound, given


def notes_of(errors: Errors) -> tuple[str, ...]:
    """Notes on derivatives for the reader, in sentences."""
    notes = []
    if errors.boundary:
        shown = ", ".join(errors.boundary[:8]) + (", ..." if len(errors.boundary) > 8 else "")
        notes.append(
            f"on the boundary of the support, and held there: {shown}. Their derivatives are zero."
        )
    notes += [
        f"not identified: the likelihood does not change along {words}; what moves along it has no "
        f"derivative."
        for words in errors.unidentified
    ]
    return tuple(notes)
