"""Standard errors and intervals as tables for a reader."""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxem.numerics.tables import aligned

if TYPE_CHECKING:
    from jaxem.errors.record import Errors, Interval


def table(errors: "Errors") -> str:
    """One line an entry, and below what was found besides."""
    interval = errors.interval()
    columns = [_flat(t) for t in (errors.estimate, errors.se, interval.lower, interval.upper)]
    cells = [
        [name, *(_number(c[i]) for c in columns), _share(_flat(errors.missing)[i])]
        for i, name in enumerate(errors.names)
    ]
    head = ["", "estimate", "se", "2.5 %", "97.5 %", "missing"]
    lines = [f"standard errors: {errors.kind}", *aligned([head, *cells])]
    if errors.rate is not None:
        lines.append(
            f"EM's rate {round(errors.rate, 4) + 0.0:.4f}: the share of an error that a step leaves"
        )
    return "\n".join([*lines, *(f"note: {note}" for note in errors.notes)])


def interval_table(interval: "Interval") -> str:
    """One line an entry that has an interval."""
    lower, upper = _flat(interval.lower), _flat(interval.upper)
    cells = [
        [name, _number(lower[i]), _number(upper[i])]
        for i, name in enumerate(interval.names)
        if not np.isnan([lower[i], upper[i]]).all()
    ]
    if not cells:
        return "no interval: what was asked for is held, or not identified; the errors say why"
    title = f"{100 * interval.level:g} % intervals: {interval.kind}"
    return "\n".join([title, *aligned([["", "lower", "upper"], *cells])])


def _flat(tree: Any) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.5g}"


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{round(100 * value, 1) + 0.0:.1f} %"
