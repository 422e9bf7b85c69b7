"""The hidden states of a fit as a table, a line for every row of the data."""

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxem.cli.loading import Job

if TYPE_CHECKING:
    from jaxem.cli.running import Given
    from jaxem.fitting import Fit


def states_csv(fit: "Fit", given: "Given", job: Job) -> str:
    """Most probable state, and the probability of every state, of each row.

    Of a chain, declared or a program's scan, the state is that of the most probable path, by
    Viterbi's algorithm, and the probabilities are those given the whole sequence. Rows are in the
    order of the file, and begin with their line number in it.
    """
    chain = {} if given.lengths is None else {"lengths": given.lengths}
    responsibilities = np.asarray(fit.responsibilities(given.data, **chain))
    best: Any = fit.predict(given.data, **chain)
    model: Any = fit.model
    sizes = model.latent.sizes
    parts = [np.asarray(best[name] if name else best) for name, _ in sizes]
    if responsibilities.ndim == 3:
        responsibilities, *parts = (
            _in_file_order(values, job) for values in (responsibilities, *parts)
        )
    names = [name or "state" for name, _ in sizes]
    labels = np.stack(
        np.unravel_index(np.arange(responsibilities.shape[-1]), [size for _, size in sizes]), -1
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = _keys(job)
    writer.writerow([*keys, *names, *("p_" + "_".join(map(str, label)) for label in labels)])
    chances = ([f"{chance:.6g}" for chance in row] for row in responsibilities)
    for *begin, numbers in zip(*keys.values(), *parts, chances, strict=True):
        writer.writerow([*begin, *numbers])
    return text.getvalue()


def _in_file_order(values: np.ndarray, job: Job) -> np.ndarray:
    """Values (n, T, ...) as rows in the order of the file."""
    rows = job.table.steps.rows
    out = np.empty((len(job.table.lines), *values.shape[2:]), values.dtype)
    for sequence, index in zip(values, rows, strict=True):
        out[index] = sequence[: len(index)]
    return out


def _keys(job: Job) -> dict[str, Any]:
    """The first columns of the table: line numbers, and the columns of sequence and time."""
    table, data = job.table, job.config.data
    keys: dict[str, Any] = {"line": table.lines.tolist()}
    if data.sequence is not None:
        keys[data.sequence] = table.steps.names
    if data.time is not None:
        keys[data.time] = table.steps.times
    return keys
