"""A family of models, its members fitted and judged by the same data."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from jaxem.fitting import Fit, Race, fit
from jaxem.model.binding import Declaration
from jaxem.selection.compare import check_criterion, criteria_table
from jaxem.selection.criteria import Criteria, criteria
from jaxem.selection.folds import HeldOut, check_folds, cross_validate
from jaxem.selection.picture import draw_criteria
from jaxem.status import Status
from jaxem.types import Data, DeclarationError


@dataclasses.dataclass(frozen=True, eq=False)
class Selection:
    """Fits of all members of a family; print it for a table.

    Attributes:
        fits: The fit of each member, by what the family was called with.
        criteria: Their criteria.
        held_out: Their held-out log likelihoods; empty without folds.
        criterion: What `best` goes by.
    """

    fits: dict[Any, Fit]
    criteria: dict[Any, Criteria]
    held_out: dict[Any, HeldOut]
    criterion: str

    @property
    def best(self) -> Any:
        """The member that the criterion prefers, among those whose fits have a sane status."""
        usable = [k for k, f in self.fits.items() if f.status.usable] or list(self.fits)
        if self.criterion == "held_out":
            return max(usable, key=lambda k: self.held_out[k].log_likelihood)
        return min(usable, key=lambda k: getattr(self.criteria[k], self.criterion))

    @property
    def fit(self) -> Fit:
        """The fit of the best member."""
        return self.fits[self.best]

    def plot(self, ax: Any = None) -> Any:
        """Draw the criteria against the members; needs matplotlib.

        Args:
            ax: Axes to draw into; new ones if left out.

        Returns:
            The axes.
        """
        return draw_criteria(self.criteria, self.held_out, ax)

    def __str__(self) -> str:
        ends = {k: str(f.status) for k, f in self.fits.items()}
        more = {}
        if self.held_out:
            more["held out"] = {
                k: f"{h.log_likelihood:.2f} ({h.error:.2f})" for k, h in self.held_out.items()
            }
        table = criteria_table(self.criteria, ends, **more)
        return f"{table}\nby {self.criterion}: {self.best}"

    __repr__ = __str__


def select(
    family: Callable[[Any], Declaration],
    members: Iterable[Any],
    data: Data,
    *,
    criterion: str = "bic",
    restarts: int | Race = 20,
    folds: Any = 0,
    key: Any = 0,
    weights: Any = None,
    lengths: Any = None,
    **options: Any,
) -> Selection:
    """Fit every member of a family from many starts, and judge them.

    Args:
        family: From a member to its model; most often a number of states to a mixture.
        members: What to call it with, such as ``range(1, 9)``.
        data: The data.
        criterion: What to choose by: "aic", "bic", "caic", "sabic", "icl", "icl_entropy", or
            "held_out", which needs folds.
        restarts: Starts of each fit, and of each fold; or ``jaxem.Race(64)``, many of which only
            the most promising run to their ends.
        folds: Folds of a cross-validation, their number or the fold of each row; 0 for none.
        key: An int or a JAX key.
        weights: Weights of rows, or of sequences, (n,).
        lengths: For chains, the steps of each sequence, (n,).
        **options: Further options of `jaxem.fit`.

    Returns:
        All fits with their criteria; if a fit is interrupted, those that were finished before it.

    Raises:
        DeclarationError: If an option is unknown, or a member cannot be fitted to the data.
        KeyboardInterrupt: If the first fit is interrupted.
    """
    if not callable(family):
        raise DeclarationError(
            f"select takes a function from a member to its model, such as lambda k: "
            f"jaxem.zoo.gaussian_mixture(k, 2); got an object of type {type(family).__name__}."
        )
    known = inspect.signature(fit).parameters
    unknown = [name for name in options if name not in known]
    if unknown:
        raise DeclarationError(
            f"select has no option {unknown[0]!r}; further options are those of jaxem.fit: "
            f"{', '.join(name for name in known if name not in ('model', 'data'))}."
        )
    validated = not (isinstance(folds, int) and folds == 0)
    if criterion != "held_out":
        check_criterion(criterion)
    elif not validated:
        raise DeclarationError('criterion="held_out" needs folds, such as folds=10.')
    fits, found, held_out = {}, {}, {}
    shared = {"key": key, "restarts": restarts, "weights": weights, "lengths": lengths}
    for member in members:
        model = family(member)
        if validated and not fits:
            check_folds(model, data, folds, weights, lengths)
        ended = fit(model, data, **shared, **options)
        if ended.status == Status.INTERRUPTED:
            if fits:
                break
            raise KeyboardInterrupt
        fits[member] = ended
        found[member] = criteria(fits[member], data, weights=weights, lengths=lengths)
        if validated:
            algorithm = options.get("algorithm")
            held_out[member] = cross_validate(
                model, data, folds=folds, algorithm=algorithm, **shared
            )
    if not fits:
        raise DeclarationError("select was given no members; give for instance range(1, 9).")
    return Selection(fits, found, held_out, criterion)
