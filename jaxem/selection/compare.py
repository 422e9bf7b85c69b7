"""Fits of the same data side by side."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxem.fitting import Fit
from jaxem.numerics.tables import aligned
from jaxem.selection.criteria import Criteria, criteria
from jaxem.types import Data, DeclarationError

#: Criteria that a choice may go by.
CRITERIA = ("aic", "bic", "caic", "sabic", "icl", "icl_entropy")


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """Criteria of several fits; print it for a table.

    Attributes:
        fits: The fits by name.
        criteria: Their criteria by name.
    """

    fits: dict[str, Fit]
    criteria: dict[str, Criteria]

    def best(self, criterion: str = "bic") -> str:
        """The name of the fit that a criterion prefers, among those with a sane status.

        Raises:
            DeclarationError: If there is no such criterion.
        """
        check_criterion(criterion)
        usable = {n: c for n, c in self.criteria.items() if self.fits[n].status.usable}
        return min(usable or self.criteria, key=lambda n: getattr(self.criteria[n], criterion))

    def __str__(self) -> str:
        return criteria_table(self.criteria, {n: str(f.status) for n, f in self.fits.items()})

    __repr__ = __str__


def compare(
    fits: Mapping[str, Fit] | Sequence[Fit], data: Data, *, weights: Any = None, lengths: Any = None
) -> Comparison:
    """Put fits of the same data side by side.

    Args:
        fits: Fits by name, or a list of them.
        data: The data that all were fitted to.
        weights: Their weights, (n,).
        lengths: For chains, the steps of each sequence, (n,).

    Returns:
        The criteria of all; the lowest of each is marked when printed.

    Raises:
        DeclarationError: If there are no fits, or they have other data.
    """
    if isinstance(fits, Fit) or not fits:
        raise DeclarationError(
            'compare takes several fits: a list, or a dictionary such as {"full": fit, ...}.'
        )
    named = dict(fits) if isinstance(fits, Mapping) else {str(i): f for i, f in enumerate(fits)}
    found = {n: criteria(f, data, weights=weights, lengths=lengths) for n, f in named.items()}
    return Comparison(named, found)


def check_criterion(criterion: str) -> None:
    """Whether there is such a criterion.

    Raises:
        DeclarationError: If there is none.
    """
    if criterion not in CRITERIA:
        raise DeclarationError(
            f"criterion={criterion!r}; expected one of {', '.join(map(repr, CRITERIA))}."
        )


def criteria_table(found: Mapping[Any, Criteria], ends: Mapping[Any, str], **more: Any) -> str:
    """One line a fit, the lowest of each criterion marked with a star.

    Args:
        found: Criteria by name.
        ends: How each fit ended.
        **more: Further columns: cells by name.
    """
    best = {c: min(getattr(f, c) for f in found.values()) for c in CRITERIA}
    head = ["", "log lik.", "d", "AIC", "BIC", "CAIC", "adj. BIC", "ICL", "ICL (E)", "certainty"]
    rows = [[*head, *more, "status"]]
    for name, f in found.items():
        marked = [
            f"{getattr(f, c):.2f}{'*' if getattr(f, c) == best[c] else ' '}" for c in CRITERIA
        ]
        sure = "-" if np.isnan(f.certainty) else f"{f.certainty:.3f}"
        extra = [cells[name] for cells in more.values()]
        size = [f"{f.log_likelihood:.3f}", str(f.parameters)]
        rows.append([str(name), *size, *marked, sure, *extra, ends[name]])
    first = next(iter(found.values()))
    return "\n".join([*aligned(rows), f"n = {first.n:g} ({first.counted}); * is the lowest"])
