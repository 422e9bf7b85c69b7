"""What jaxem found in a model, as a page for a reader."""

import dataclasses
from typing import Any

import jax
import numpy as np

from jaxem.algebra.plan import Plan, make_plan
from jaxem.algebra.solvers import Block, Solver, Sweep
from jaxem.estep.batch import Batch, make_batch
from jaxem.model import Model
from jaxem.model.check import prepare_data, prepare_weights
from jaxem.model.declaration import check_declaration
from jaxem.numerics.rows import row_count
from jaxem.types import Data


@dataclasses.dataclass(frozen=True)
class Line:
    """One parameter of an explanation.

    Attributes:
        name: Dotted name.
        shape: Its shape.
        support: Its support, in words.
        prior: Its prior, in words.
        solved: How the M-step solves it.
        exact: Whether that is the exact maximiser, the others given.
        reason: Why nothing closed is used, or an empty string.
    """

    name: str
    shape: tuple[int, ...]
    support: str
    prior: str
    solved: str
    exact: bool
    reason: str


@dataclasses.dataclass(frozen=True)
class Explanation:
    """A plan in words; print it.

    Attributes:
        lines: One a parameter.
        order: The sweep, in words.
        exact: Whether one sweep is the exact joint M-step.
        verdict: The same in words.
        work: Memory and arithmetic of a step, in words.
    """

    title: str
    lines: tuple[Line, ...]
    order: str
    exact: bool
    verdict: str
    work: tuple[str, ...]

    def __str__(self) -> str:
        rows = [("parameter", "shape", "support", "prior", "M-step")]
        rows += [
            (
                ln.name,
                str(ln.shape),
                ln.support,
                ln.prior,
                ln.solved + (f" ({ln.reason})" if ln.reason else ""),
            )
            for ln in self.lines
        ]
        widths = [max(len(r[i]) for r in rows) for i in range(4)]
        table = [
            "  ".join([*(cell.ljust(w) for cell, w in zip(r, widths, strict=False)), r[4]])
            for r in rows
        ]
        return "\n".join(
            [self.title, "", *table, "", f"sweep: {self.order}; {self.verdict}", *self.work]
        )

    __repr__ = __str__


def explain(model: Model, data: Data, *, weights: Any = None, restarts: int = 1) -> Explanation:
    """Say how a model will be fitted, without fitting it.

    Args:
        model: The declared model.
        data: Rows.
        weights: Row weights, (n,).
        restarts: How many starts would run at once, for the memory.

    Returns:
        The explanation.

    Raises:
        DeclarationError: If the model or the data cannot be used as given.
    """
    rows = prepare_data(data)
    prepared = prepare_weights(weights, row_count(rows), model)
    check_declaration(model, rows)
    plan = make_plan(model, rows, prepared)
    batch = make_batch(rows, prepared, model.latent.size, restarts)
    lines = tuple(_line(model, plan, p) for p in model.parameters)
    title = f"{model.latent!r}, {row_count(rows)} rows, {model.latent.size} latent states"
    order = " -> ".join(_group_words(s) for s in plan.solvers)
    return Explanation(title, lines, order, plan.exact, plan.verdict, _work(model, batch, restarts))


def _line(model: Model, plan: Plan, p) -> Line:
    support = str(p.support).split("(")[0]
    words = {"real": "real", "positive": "positive", "unit": "unit interval", "simplex": "simplex"}
    support = words.get(p.kind, _spaced(support))
    if p.fixed is not None:
        return Line(p.name, p.shape, support, p.described, "fixed", True, "")
    solver = plan.solver_of(p.name)
    solved, exact = plan.alone(p.name).describe(), plan.alone(p.name).exact
    if isinstance(solver, Block) and len(solver.names) > 1:
        others = ", ".join(n for n in solver.names if n != p.name)
        solved, exact = f"{solver.describe()}, jointly with {others}", solver.exact
    return Line(p.name, p.shape, support, p.described, solved, exact, plan.reasons.get(p.name, ""))


def _spaced(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def _group_words(solver: Solver) -> str:
    match solver:
        case Sweep():
            return f"({' -> '.join(solver.names)}) x {solver.rounds}"
        case _:
            return "+".join(solver.names)


def _work(model: Model, batch: Batch, restarts: int) -> tuple[str, ...]:
    blocks, size = batch.weights.shape
    width = 8 if jax.config.jax_enable_x64 else 4  # pyright: ignore[reportAttributeAccessIssue]
    states = model.latent.size
    table = size * states * restarts * width / 2**20
    evaluations = int((np.asarray(batch.weights) > 0).sum()) * states * restarts
    return (
        f"data: {blocks} block{'s' if blocks > 1 else ''} of {size} rows; the table of a block "
        f"takes {table:.2g} MB",
        f"E-step: the log joint is evaluated {evaluations:,} times a step (direct)",
    )
