"""The log likelihood of all rows by the declared log joint, in float64, on the host.

Replaced data, and single precision, are compared with it; and parameters that were fitted to some
rows are evaluated on others.
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

#: Seconds that evaluations of all rows may take together, however short the run was.
_SECONDS = 0.5

T = TypeVar("T")


def as_time_allows(these: Iterable[T], began: float) -> Iterator[T]:
    """The first item, and further ones for half a second, or a tenth of the time of a run.

    Args:
        these: The items, the most important first.
        began: When the run began, by `time.monotonic`.
    """
    start = time.monotonic()
    allowed = max(_SECONDS, 0.1 * (start - began))
    for item in these:
        yield item
        if time.monotonic() - start > allowed:
            return


def tolerated(evidence: float, rows: int, dtype: Any) -> float:
    """Largest error of a log likelihood that rounding explains, in nats.

    Args:
        evidence: The exact log likelihood.
        rows: Number of rows that it sums over.
        dtype: The precision of the log likelihood that is compared with it.
    """
    slack = 1e-6 if dtype != np.float32 else 1e-3
    eps = float(np.finfo(dtype).eps)
    return slack + 100 * eps * (8 + 0.25 * rows**0.5) * (1 + abs(evidence))


def exact_evidence(setting: Setting, e_step: EStep, values: Values) -> float:
    """The log likelihood of weighted rows, or sequences, in nats.

    Args:
        setting: The model, its plan, and weighted rows; those of weight zero are left out.
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
    parts, start = [], 0
    for table in tables.blocks(given, setting.data):
        block_weights = weights[start : start + len(table)]
        start += len(table)
        missing = tables.size - len(table)
        with jax.enable_x64(True):
            parts.append(
                program(np.pad(table, ((0, missing), (0, 0))), np.pad(block_weights, (0, missing)))
            )
    return float(np.sum(parts))


def _of_sequences(
    setting: Setting, sequences: Sequences, e_step: EStep, values: Values, weights: np.ndarray
) -> float:
    """`exact_evidence` of sequences, by blocks of these and windows of time."""
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
