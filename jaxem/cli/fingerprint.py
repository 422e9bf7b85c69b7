"""What a fit depends on besides its config: the table, and a person's own module."""

import hashlib
import sys
from pathlib import Path

import numpy as np

from jaxem.cli.loading import Job


def fingerprint(job: Job) -> dict[str, str]:
    """Digests of the table and, once it has been imported, of the module of the model.

    Columns, weights and sequences count, not the file that they stand in; of the module its own
    file alone, not what it imports.
    """
    return {"data": _table(job), **_module(job)}


def _table(job: Job) -> str:
    digest, table = hashlib.sha256(), job.table
    columns = dict(table.columns)
    if table.weights is not None:
        columns["weights of the rows"] = table.weights
    for index, rows in enumerate(table.steps.rows):
        columns[f"rows of sequence {index}"] = rows
    for name, values in columns.items():
        digest.update(f"{name} {values.dtype} {values.shape} ".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _module(job: Job) -> dict[str, str]:
    section = job.config.model
    named = (section.declare or section.program or "").partition(":")[0]
    path = getattr(sys.modules.get(named), "__file__", None)
    if path is None:
        return {}
    return {"module": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
