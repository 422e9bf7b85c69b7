"""The data of a fit and the paths through them: product, anchors, direct; the fastest is taken.

On the *product* path log factors are matrix products and the M-step uses anchors only. On the
*anchors* path log factors are the log joint at every row, and the M-step uses anchors. On the
*direct* path both use every row. A restart that the guards find inaccurate changes to the next
path; the other restarts do not.
"""

import dataclasses
import time
from typing import Any

import jax
import numpy as np

from jaxem.algebra.anchors import Anchors, Refused
from jaxem.algebra.merge import merge_rows
from jaxem.algebra.plan import Plan, replace_data, step_splits
from jaxem.algebra.probe import Values
from jaxem.algebra.route import Route
from jaxem.algorithm import Algorithm
from jaxem.compiled.buckets import bucket, bucket_of_rows
from jaxem.estep.anchored import make_anchored
from jaxem.estep.anchored_steps import make_anchored_steps
from jaxem.estep.batch import block_size, keeps_responsibilities, make_batch
from jaxem.estep.order import Order, in_order
from jaxem.estep.parts import deal, in_slots
from jaxem.estep.source import Direct, Source
from jaxem.estep.steps import make_steps
from jaxem.initial import Setting
from jaxem.model import Model
from jaxem.model.sequences import Sequences
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Data

PATHS = ("product", "anchors", "direct")

#: E-steps with fewer entries than this are over before a timing would be.
_WORTH_TIMING = 2**22


@dataclasses.dataclass(frozen=True, eq=False)
class FitData:
    """The data of one fit, and the paths through them.

    Attributes:
        rows: The rows, merged if that pays, NumPy leaves.
        weights: Weights of these rows.
        given: Number of rows before merging.
        found: Anchors, or the reason why there are none.
        first: The path that a run begins with.
        seconds: Measured time of an E-step on the product path and with direct log factors; empty
            where it was not measured.
        sequences: The sequences of the steps, or None for independent rows.
        split: Whether the log joint of a step is transition plus emission.
        dealt: The rows, or sequences, of each minibatch, see `parts.deal`; None if there are none.
        made: Cache of the last source.
        spread: Distances between ordinary values of real parameters, by dotted name.
        fills: Whether rows may be filled up to a bucket.
        place: Index in `rows` of each row given, (N,), -1 if none; None where they are the same.
    """

    rows: Data
    weights: np.ndarray
    given: int
    found: Anchors | Refused
    first: str
    seconds: tuple[float, ...] = ()
    sequences: Sequences | None = None
    split: bool = False
    dealt: np.ndarray | None = None
    made: dict[Any, Source] = dataclasses.field(default_factory=dict)
    spread: Values = dataclasses.field(default_factory=dict)
    fills: bool = True
    place: np.ndarray | None = None

    def merged(self, weights: np.ndarray) -> np.ndarray:
        """Weights of `rows`, (B, n), from several sets of weights of the rows given, (B, N)."""
        if self.place is None:
            return weights
        kept, size = self.place >= 0, len(self.weights)
        place = self.place[kept]
        return np.stack([np.bincount(place, one[kept], minlength=size) for one in weights])

    def route(self) -> Route:
        """The record of the paths in a plan."""
        common = {"rows": self.given, "merged": int((self.weights > 0).sum()), "path": self.first}
        if isinstance(self.found, Refused):
            direct = "the log joint at every row"
            return Route(**common, rank=None, representation=direct, reason=self.found.reason)
        return Route(
            **common,
            rank=self.found.count,
            representation=self.found.describe(),
            seconds=self.seconds,
        )

    def source(self, path: str, states: int, restarts: int) -> Source:
        """The data in the form of a path; the last one is cached.

        Numbers of rows and restarts are rounded up to buckets.
        """
        key = path, states, restarts = path, states, bucket(restarts)
        if key not in self.made:
            self.made.clear()
            self.made[key] = self._make(path, states, restarts)
        return self.made[key]

    def in_parts(self, parts: int, rng: np.random.Generator) -> "FitData":
        """The same data, their rows or sequences dealt to so many minibatches."""
        if parts == 1:
            return self
        own = self.weights
        own = own if self.sequences is None else own[self.sequences.starts]
        return dataclasses.replace(self, dealt=deal(own, parts, rng), made={})

    @property
    def parts(self) -> int:
        """Number of minibatches."""
        return 1 if self.dealt is None else len(self.dealt)

    def _make(self, path: str, states: int, restarts: int) -> Source:
        if self.sequences is not None:
            source = self._make_steps(self.sequences, path, states, restarts)
        else:
            source = self._make_rows(path, states, restarts)
        return dataclasses.replace(source, parts=self.parts, spread=self.spread)

    def _make_rows(self, path: str, states: int, restarts: int) -> Source:
        count = row_count(self.rows) if self.dealt is None else self.dealt.shape[1]
        least = bucket_of_rows(count) if self.fills and self.dealt is None else count
        if path == "direct" or isinstance(self.found, Refused):
            size = block_size(least, states * restarts)
            rows, weights, _ = self._laid_out(size)
            batch = make_batch(rows, weights, size, least)
            return Direct(batch, keeps_responsibilities(batch, states, restarts))
        features, product = self.found.change.shape[0], path == "product"
        size = block_size(least, states * restarts + features, products=product)
        rows, weights, slots = self._laid_out(size)
        return make_anchored(self.found.at(slots), rows, weights, size, least, product)

    def _laid_out(self, size: int) -> tuple[Data, np.ndarray, np.ndarray | slice]:
        """Rows by minibatch, filled to whole blocks of this size; their weights and indices."""
        if self.dealt is None:
            return self.rows, self.weights, slice(None)
        slots = in_slots(self.dealt, -(-self.dealt.shape[1] // size) * size)
        weights = np.where(slots >= 0, self.weights[slots], 0).astype(self.weights.dtype)
        return take_rows(self.rows, slots), weights, slots

    def order(self, sequences: Sequences, path: str, configurations: int, restarts: int) -> Order:
        """The order of the steps on this path."""
        return in_order(
            sequences, configurations, restarts, self.split and path == "product", self.dealt
        )

    def _make_steps(
        self, sequences: Sequences, path: str, configurations: int, restarts: int
    ) -> Source:
        product, order = path == "product", self.order(sequences, path, configurations, restarts)
        if path == "direct" or isinstance(self.found, Refused):
            return make_steps(self.rows, self.weights, order)
        return make_anchored_steps(self.found, self.rows, self.weights, order, product, self.split)


def find_fit_data(setting: Setting, algorithm: Algorithm, restarts: int) -> FitData:
    """Merge rows, find anchors, and choose the path.

    Args:
        setting: The model, its plan and its rows; those of sequences are never merged.
        algorithm: The algorithm; a given update needs the rows as given.
        restarts: Restarts that run at once.
    """
    model, plan, data, weights = setting.model, setting.plan, setting.data, setting.weights
    given = row_count(data)
    if setting.sequences is not None:
        return _fit_data_of_steps(model, plan, data, weights, setting.sequences)
    if algorithm.m_step.reads_rows:
        why = Refused("an M-step that a person wrote reads every row")
        return FitData(data, weights, given, why, "direct", spread=plan.spread, fills=False)
    rows, merged, place = merge_rows(data, weights)
    found = replace_data(plan, model, rows)
    first = "direct" if isinstance(found, Refused) else "product"
    fit_data = FitData(rows, merged, given, found, first, spread=plan.spread, place=place)
    if isinstance(found, Refused):
        return fit_data
    if row_count(rows) * model.latent.configurations * restarts < _WORTH_TIMING:
        return fit_data
    key = algorithm.e_step, restarts, row_count(rows), found.count
    if key not in plan.seconds:
        plan.seconds[key] = tuple(
            _seconds(model, plan, algorithm, fit_data, path, restarts) for path in PATHS[:2]
        )
    seconds = plan.seconds[key]
    return dataclasses.replace(fit_data, first=PATHS[int(np.argmin(seconds))], seconds=seconds)


def _fit_data_of_steps(
    model: Model, plan: Plan, data: Data, weights: np.ndarray, sequences: Sequences
) -> FitData:
    """The paths through the steps of sequences; those of weight zero are left out."""
    kept = weights > 0
    present = weights[sequences.starts] > 0
    rows, total = (data, weights) if kept.all() else (take_rows(data, kept), weights[kept])
    kept_sequences = Sequences(sequences.lengths[present], int(sequences.lengths[present].max()))
    found = replace_data(plan, model, rows)
    if isinstance(found, Refused):
        path, split = "direct", False
    else:
        path, split = "product", step_splits(plan, model, found)
    given, spread = row_count(data), plan.spread
    return FitData(
        rows, total, given, found, path, sequences=kept_sequences, split=split, spread=spread
    )


def _seconds(model, plan, algorithm, fit_data: FitData, path: str, restarts: int) -> float:
    """Time of an E-step of all restarts on all rows, from one block of them."""
    source = fit_data.source(path, model.latent.configurations, restarts)
    blocks = source.batch.weights.shape[0]
    one = source.head()
    dtype = fit_data.weights.dtype
    reference = {**plan.reference, **model.fixed}
    stacked = {k: np.stack([v] * bucket(restarts)).astype(dtype) for k, v in reference.items()}
    values = jax.device_put(stacked)

    def e_step(values: Any, source: Source):
        evidence, counts, _ = source.expect(model, algorithm.e_step, values)
        return evidence, counts

    of_all = jax.vmap(e_step, in_axes=(0, None))
    program = plan.program(("e-step", algorithm.e_step), of_all)
    jax.block_until_ready(program(values, one))
    best = np.inf
    for _ in range(3):
        began = time.perf_counter()
        jax.block_until_ready(program(values, one))
        best = min(best, time.perf_counter() - began)
    return best * blocks
