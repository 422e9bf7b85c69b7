"""Explanation of a plan in words: solvers, order, path of the data, memory."""

import dataclasses
from typing import Any

import jax

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.plan import Plan
from jaxem.algebra.route import Route
from jaxem.algebra.solvers import Block
from jaxem.algorithm import EM, Algorithm, Online
from jaxem.data.dealing import deal_out
from jaxem.data.fit_data import FitData, find_fit_data
from jaxem.estep.source import Source
from jaxem.fitting.method import method_of
from jaxem.fitting.options import check_algorithm, check_finish, check_named
from jaxem.initial.setting import prepare
from jaxem.inspection.order import order_words
from jaxem.latent import Tree
from jaxem.model import Model
from jaxem.model.binding import Declaration, bind_steps
from jaxem.numerics.rows import row_count
from jaxem.optimise.race import Race
from jaxem.types import Data


@dataclasses.dataclass(frozen=True)
class Line:
    """One parameter of an explanation.

    Attributes:
        name: Dotted name.
        shape: Its shape.
        support: Its support, in words.
        prior: Its prior, in words.
        solved: The solver of the M-step, in words.
        exact: Whether that is the exact maximiser, the others given.
        reason: Why no closed form is used, or an empty string.
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
        verdict: Whether one sweep is exact, in words.
        data: Replacement of the data, path of the E-step, memory and arithmetic, in words.
        route: The path of the data as a record.
        method: The algorithm, its finish and a race, in sentences.
    """

    title: str
    lines: tuple[Line, ...]
    order: str
    exact: bool
    verdict: str
    data: tuple[str, ...]
    route: Route
    method: tuple[str, ...]

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
        sweep = f"sweep: {self.order}; {self.verdict}"
        method = (f"method: {sentence}" for sentence in self.method)
        return "\n".join([self.title, "", *table, "", sweep, *self.data, *method])

    __repr__ = __str__


def explain(
    model: Declaration,
    data: Data,
    *,
    weights: Any = None,
    lengths: Any = None,
    restarts: int | Race = 1,
    algorithm: Algorithm | None = None,
    finish: str | None = None,
) -> Explanation:
    """Explain how a model will be fitted, without fitting it.

    Args:
        model: The declared model, or a program from `jaxem.from_numpyro`.
        data: Rows; for a program, its arguments by name.
        weights: Weights of rows, or of sequences, (n,).
        lengths: For a chain, the steps of each sequence, (n,).
        restarts: Number of restarts, for the memory; or a race.
        algorithm: The algorithm, ``EM()`` if left out.
        finish: As for `jaxem.fit`.

    Returns:
        The explanation.

    Raises:
        DeclarationError: If the model, the data or the algorithm cannot be used as given.
    """
    algorithm = EM() if algorithm is None else algorithm
    race = restarts if isinstance(restarts, Race) else None
    count = restarts.restarts if isinstance(restarts, Race) else restarts
    check_algorithm(algorithm)
    bound = bind_steps(model, data, lengths)
    model, rows = bound.model, bound.rows
    given = bound.weigh(weights)
    check_named(model, algorithm)
    check_finish(model, algorithm, finish)
    setting = prepare(bound, given)
    plan, fit_data = (
        setting.plan,
        deal_out(find_fit_data(setting, algorithm, count), algorithm, 0),
    )
    told = order_words(plan, algorithm)
    lines = tuple(_line(model, plan, p, told.groups) for p in model.parameters)
    lines += tuple(Line(t.name, t.shape, "", "tied", "from others", True, "") for t in model.tied)
    states = _count(model.latent.size, "latent state")
    title = f"{model.latent!r}, {_count(row_count(rows), 'row')}, {states}"
    return Explanation(
        title,
        lines,
        told.order,
        told.exact,
        told.verdict,
        (*_data_words(model, fit_data, count), *_batch_words(algorithm, fit_data)),
        fit_data.route(),
        method_of(algorithm, finish, race),
    )


def _line(model: Model, plan: Plan, p, groups: tuple[tuple[str, ...], ...]) -> Line:
    support = p.support.words or _spaced(str(p.constraint).split("(")[0])
    if p.fixed is not None:
        return Line(p.name, p.shape, support, p.described, "fixed", True, "")
    solver = plan.solver_of(p.name)
    solved, exact = plan.alone(p.name).describe(), plan.alone(p.name).exact
    together = any(set(solver.names) <= set(group) for group in groups)
    if isinstance(solver, Block) and len(solver.names) > 1 and together:
        others = ", ".join(n for n in solver.names if n != p.name)
        solved, exact = f"{solver.describe()}, jointly with {others}", solver.exact
    return Line(p.name, p.shape, support, p.described, solved, exact, plan.reasons.get(p.name, ""))


def _spaced(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def _data_words(model: Model, fit_data: FitData, restarts: int) -> tuple[str, ...]:
    """Replacement of the data, path of the E-step, and cost of a step, in words."""
    route = fit_data.route()
    merged = ""
    if route.merged < route.rows:
        merged = f", {route.merged} once equal ones are merged and absent ones left out"
    lines = [f"data: {route.rows} rows{merged}"]
    if route.reason:
        lines.append(f"sufficient statistics: none; {route.reason}")
    else:
        lines.append(
            f"sufficient statistics: rank {route.rank}, proved on every row; "
            f"{_count(route.anchors, 'anchor row')} carry the M-step"
        )
        lines.append(f"made of: {route.representation}")
    if fit_data.sequences is not None:
        lines.append(_link_words(model, fit_data))
    return (*lines, *_step_words(model, fit_data, route, restarts))


def _link_words(model: Model, fit_data: FitData) -> str:
    """The factors of the E-step of a chain or tree, in words."""
    assert fit_data.sequences is not None
    if isinstance(model.latent, Tree):
        count = f"{fit_data.sequences.count} data of {_count(model.latent.nodes, 'node')}"
        return f"tree: {count}; a matrix of pairs of states is made for every node"
    count = _count(fit_data.sequences.count, "sequence")
    if fit_data.split:
        return f"chain: {count}; the step splits into one transition matrix and emissions"
    return f"chain: {count}; a matrix of pairs of states is made for every step"


def _step_words(model: Model, fit_data: FitData, route: Route, restarts: int) -> tuple[str, ...]:
    """The path of the E-step, and memory and arithmetic of a step, in words."""
    states = model.latent.configurations
    source = fit_data.source(route.path, states, restarts)
    blocks, size = source.batch.weights.shape
    width = source.batch.weights.dtype.itemsize
    entries, per_row = blocks * size * states * restarts, states * restarts
    how = f"the log joint is evaluated {entries:,} times a step"
    if isinstance(fit_data.found, Anchors):
        features = fit_data.found.change.shape[0]
        per_row += features
        at_anchors = route.anchors * states * restarts
        if route.path == "product":
            how = (
                f"two matrix products, {4e-9 * entries * features:.2g} GFLOP a step; the log joint "
                f"is evaluated {at_anchors:,} times"
            )
    timing = ""
    if route.seconds:
        product, direct = (f"{1e3 * s:.3g} ms" for s in route.seconds)
        timing = f" (an E-step was timed: {product} by products, {direct} directly)"
    return (
        f"E-step: {route.path}{timing}: {how}",
        f"memory: {_count(blocks, 'block')} of {size} rows, "
        f"{per_row * size * width / 2**20:.2g} MB each; the data take {_megabytes(source):.2g} MB",
    )


def _batch_words(algorithm: Algorithm, fit_data: FitData) -> tuple[str, ...]:
    """The use of minibatches, in words."""
    if fit_data.dealt is None:
        return ()
    parts, size = fit_data.dealt.shape
    units = "rows" if fit_data.sequences is None else "sequences"
    how = "an M-step after each, on the statistics of all, of which its own are renewed"
    if isinstance(algorithm, Online):
        how = "an M-step after each, on averaged statistics"
        if isinstance(fit_data.found, Refused):
            how = "a gradient step after each, since there are no sufficient statistics"
        how = f"{how}; EM when that no longer pays"
    return (f"{type(algorithm).__name__}: {parts} minibatches of {size} {units}: {how}",)


def _megabytes(source: Source) -> float:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(source)) / 2**20


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
