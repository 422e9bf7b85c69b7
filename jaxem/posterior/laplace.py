r"""Laplace's approximation: a Gaussian with the mode and the curvature of the posterior."""

import dataclasses
import math
import warnings
from typing import Any

import numpy as np

from jaxem.algebra.plan import kinks_of
from jaxem.fitting import Fit
from jaxem.model import Model
from jaxem.numerics.keys import generator
from jaxem.numerics.symmetric import covariance
from jaxem.posterior.fitted import Fitted, Start, open_fit
from jaxem.posterior.improper import warn_of_improper_priors
from jaxem.posterior.target import Mode
from jaxem.types import Array, Data, DeclarationError, Params


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Laplace:
    r"""A Gaussian in unconstrained coordinates, and draws from it.

    Attributes:
        draws: Parameters by dotted name, leaves (draws, ...), the fixed ones too.
        mean: The mode of the density in unconstrained coordinates, (d,), in the order of NumPy's
            concatenation of the sites in alphabetical order.
        covariance: The inverse of the negative Hessian at the mode, (d, d); where that is not
            positive definite, of a positive definite matrix in its place.
        log_evidence: :math:`\log p(X)` up to the error of the approximation,
            :math:`\log f(\hat u) + \tfrac d2 \log 2\pi + \tfrac12 \log |\Sigma|`; NaN where the
            curvature is not negative definite. With improper priors it is the logarithm of an
            integral that is not a probability and may not exist.
        is_peak: Whether the curvature is negative definite and a mode was reached.
        at_boundary: Parameters that the fit left on the boundary of their support.
        notes: Notes for the reader, in sentences.
    """

    draws: dict[str, Array]
    mean: np.ndarray
    covariance: np.ndarray
    log_evidence: float
    is_peak: bool
    at_boundary: tuple[str, ...]
    notes: tuple[str, ...]
    model: Model

    @property
    def params(self) -> Params:
        """The draws nested as declared."""
        return self.model.nest(self.draws)

    def __repr__(self) -> str:
        """One line a parameter, the numbers of its first entries."""
        count = len(next(iter(self.draws.values())))
        lines = [f"Laplace: {len(self.mean)} coordinates, log evidence {self.log_evidence:.3f}"]
        lines += [
            f"  {name} {np.shape(leaf)[1:]}: mean {_few(np.mean(leaf, 0))}, "
            f"deviation {_few(np.std(leaf, 0))}"
            for name, leaf in self.draws.items()
            if count
        ]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def laplace(
    fit: Fit,
    data: Data,
    *,
    draws: int = 1000,
    key: Any = 0,
    weights: Any = None,
    lengths: Any = None,
) -> Laplace:
    r"""Approximate the posterior of the parameters by a Gaussian in unconstrained coordinates.

    The Gaussian sits at the mode :math:`\hat u` of the density *in unconstrained coordinates*,
    Jacobian included, which a few Newton steps from the fit reach; it is not the mode that EM
    found, whose gradient is not zero here. A posterior that is Gaussian in these coordinates is
    returned exactly. Only the neighbourhood of one mode is described: other labellings of the
    components, K! of them, each have the same Gaussian, and their evidence is not counted.
    (Tierney and Kadane 1986; MacKay 1998 for the choice of coordinates.)

    Args:
        fit: A fit; its best restart is used.
        data: The rows that were fitted.
        draws: Number of draws.
        key: An int or a JAX key.
        weights: The weights of rows, or of sequences, that were fitted, (n,).
        lengths: For a chain, the steps of each sequence, (n,).

    Returns:
        The approximation. Doubts are warned of, and kept in ``notes``.

    Raises:
        DeclarationError: If an option is out of range, or the fit or the data cannot be used.
    """
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 0:
        raise DeclarationError(f"draws must be an integer of at least 0; got {draws!r}.")
    fitted = open_fit(fit, data, weights, lengths=lengths)
    _refuse_kinks(fitted)
    warn_of_improper_priors(fitted.target.model)
    found = _approximate(fitted, draws, generator(key))
    if draws and not fitted.holds(found.draws):
        found = _approximate(fitted.on_rows(), draws, generator(key))
    for note in found.notes:
        warnings.warn(note, stacklevel=2)
    return found


def _refuse_kinks(fitted: Fitted) -> None:
    """Refuse a fit with entries at a kink, where the density has no second derivative."""
    model, fit = fitted.target.model, fitted.fit
    resting = kinks_of(model, fit.plan).resting(model.flatten(fit.params))
    names = [name for name, rests in resting.items() if rests.any()]
    where = "the kink of their prior"
    if not names and fit.plan is not None:
        names, where = list(fit.plan.nonsmooth), "kinks of the log joint"
    if names:
        raise DeclarationError(
            f"the fit left entries of {', '.join(map(repr, names))} at {where}, where the "
            f"posterior has no curvature and no Gaussian describes it. Draw from it with "
            f"jaxem.posterior.nuts."
        )


def _few(numbers: np.ndarray) -> str:
    return np.array2string(np.asarray(numbers), precision=4, threshold=8, edgeitems=3)


def _approximate(fitted: Fitted, draws: int, rng: np.random.Generator) -> Laplace:
    target = fitted.target
    start = fitted.start(fitted.fit.restarts.best)
    mode = target.mode(start.u)
    spread = covariance(mode.precision, 100 * float(np.finfo(target.dtype).eps))
    moves = rng.normal(size=(draws, target.size)) @ np.linalg.cholesky(spread).T
    return Laplace(
        draws=target.parameters(mode.u + moves),
        mean=mode.u,
        covariance=spread,
        log_evidence=_log_evidence(mode),
        is_peak=mode.is_peak and mode.reached,
        at_boundary=start.moved,
        notes=_notes(mode, start),
        model=target.model,
    )


def _log_evidence(mode: Mode) -> float:
    if not mode.is_peak:
        return math.nan
    volume = len(mode.u) * math.log(2 * math.pi) - np.linalg.slogdet(mode.precision)[1]
    return float(mode.log_density + volume / 2)


def _notes(mode: Mode, start: Start) -> tuple[str, ...]:
    notes = []
    if start.moved:
        notes.append(
            f"the fit left {', '.join(map(repr, start.moved))} on the boundary of the support; a "
            f"Gaussian in unconstrained coordinates describes the posterior poorly there."
        )
    if not mode.is_peak:
        notes.append(
            "the curvature at the mode is not negative definite: some direction is flat or curves "
            "upwards. The covariance is a substitute, and there is no evidence. Is a component "
            "empty, a parameter not identified, or a prior flat?"
        )
    if not mode.reached:
        notes.append(
            "Newton's method did not reach a mode of the density in unconstrained coordinates; "
            "with flat priors there may be none."
        )
    return tuple(notes)
