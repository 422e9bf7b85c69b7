"""Criteria as a picture."""

from collections.abc import Mapping
from typing import Any

from jaxem.numerics.axes import open_axes
from jaxem.selection.criteria import Criteria
from jaxem.selection.folds import HeldOut

_SHOWN = {"aic": "AIC", "bic": "BIC", "sabic": "adjusted BIC", "icl": "ICL"}


def draw_criteria(found: Mapping[Any, Criteria], held_out: Mapping[Any, HeldOut], ax: Any) -> Any:
    """Draw criteria by member, the lowest of each filled; held-out ones as -2 log likelihood."""
    ax = open_axes(ax)
    members, places = list(found), list(range(len(found)))
    for name, label in _SHOWN.items():
        heights = [getattr(found[m], name) for m in members]
        (line,) = ax.plot(places, heights, marker="o", fillstyle="none", label=label)
        low = min(places, key=heights.__getitem__)
        ax.plot([low], [heights[low]], marker="o", color=line.get_color())
    if held_out:
        heights = [-2 * held_out[m].log_likelihood for m in members]
        errors = [2 * held_out[m].error for m in members]
        ax.errorbar(places, heights, errors, marker="s", fillstyle="none", label="held out")
    ax.set_xticks(places, [str(m) for m in members])
    ax.set_ylabel("criterion, lower is better")
    ax.legend()
    return ax
