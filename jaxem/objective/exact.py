"""The log likelihood of all rows by the declared log joint, in float64, on the host.

What replaces the data, and single precision, are judged by it; and parameters that were found on
some rows are judged on others.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import jax
import numpy as np

from jaxem.algebra.probe import Values, widen
from jaxem.estep import EStep
from jaxem.estep.order import in_order
from jaxem.estep.source import weigh
from jaxem.estep.steps import evidence_of_steps
from jaxem.initial import Setting
from jaxem.model.sequences import Sequences
from jaxem.numerics.rows import take_rows

#: Seconds that looks at all rows may take together, whatever the run took.
_SECONDS = 0.5

T = TypeVar("T")


def as_time_allows(these: Iterable[T], began: float) -> Iterator[T]:
    """The first of several, and others for half a second, or a tenth of the time of a run.

    Args:
        these: What is to be looked at, the most important first.
        began: When the run began, by `time.monotonic`.
    """
    start = time.monotonic()
    allowed = max(_SECONDS, 0.1 * (start - began))
    for this in these:
        yield this
        if time.monotonic() - start > allowed:
            return


def tolerated(evidence: float, rows: int, dtype: Any) -> float:
    """How far a log likelihood may be from the exact one for rounding alone, in nats.

    Args:
        evidence: The exact one.
        rows: Rows that it sums over.
        dtype: The precision of the other.
    """
    slack = 1e-6 if dtype != np.float32 else 1e-3
    eps = float(np.finfo(dtype).eps)
    return slack + 100 * eps * (8 + 0.25 * rows**0.5) * (1 + abs(evidence))


def exact_evidence(setting: Setting, e_step: EStep, values: Values) -> float:
    """The log likelihood of weighted rows, or sequences, in nats.

    Args:
        setting: The model, its plan, and the rows with their weights; one of weight zero is absent.
        e_step: How states are summed out.
        values: Parameters by dotted name.
    """
    model, plan = setting.model, setting.plan
    given = {p.name: np.asarray(values[p.name], float) for p in model.parameters}
    weights = setting.weights.astype(float)
    if setting.sequences is not None:
        return _of_sequences(setting, setting.sequences, e_step, given, weights)
    tables = plan.tables
    program = plan.program(
        ("evidence", e_step), lambda table, weights: weigh(model, e_step, table, weights)[0]
    )
    total, start = 0.0, 0
    for table in tables.blocks(given, setting.data):
        here = weights[start : start + len(table)]
        start += len(table)
        missing = tables.size - len(table)
        with jax.enable_x64(True):
            total += float(
                program(np.pad(table, ((0, missing), (0, 0))), np.pad(here, (0, missing)))
            )
    return total


def _of_sequences(
    setting: Setting, sequences: Sequences, e_step: EStep, values: Values, weights: np.ndarray
) -> float:
    """Block by block of sequences, and window by window of time."""
    model = setting.model
    order = in_order(sequences, model.latent.configurations)
    size, windows = order.size, order.windows
    program = setting.plan.program(
        ("evidence", e_step, size, windows),
        lambda values, rows, weights, exists: evidence_of_steps(
            model, e_step, values, rows, weights, exists, size, windows
        ),
    )
    rows = widen(setting.data)
    total = 0.0
    for index, exists in zip(order.index, order.exists, strict=True):
        with jax.enable_x64(True):
            block = take_rows(rows, index)
            total += float(program(values, block, weights[index] * exists, exists))
    return total
