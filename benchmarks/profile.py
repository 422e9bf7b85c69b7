"""Where a step of the Gaussian mixture spends its time.

A step is written by hand, from the two matrix products that no EM for Gaussians can do without,
and one piece after another is laid on. Each stage is one compiled program over blocks of rows;
what a piece costs is the difference to the stage before, because XLA fuses neighbours, and a
piece that is timed alone is then another one.
"""

import argparse
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contest import clock
from benchmarks.problem import LARGE, SMALL, Size, declare, draw_rows, draw_starts, fit
from benchmarks.report import figure, publish, table
from jaxem.algebra.plan import make_plan
from jaxem.algorithm.em import EM
from jaxem.data.fit_data import find_fit_data
from jaxem.estep import Exact
from jaxem.estep.expectation import Expectation
from jaxem.initial import Setting
from jaxem.mstep import Derived

BLOCK = 4_000  # rows; divides those of both sizes
CALLS = 10  # of a stage that are timed together
STEPS = 5, 25


class Moments(NamedTuple):
    """Sums over rows of responsibilities times features, (K, F), and of a scalar a row or block.

    The scalar is the log likelihood; before there is one, something that needs the whole table.
    """

    sums: jax.Array
    evidence: jax.Array


def features(rows):
    """1, x_i, and x_i x_j for i <= j of every row, (n, F)."""
    upper = np.triu_indices(rows.shape[1])
    return jnp.concatenate(
        [jnp.ones((len(rows), 1)), rows, rows[:, upper[0]] * rows[:, upper[1]]], axis=1
    )


def coefficients(weights, loc, cov):
    """The log joint as a linear function of the features, (F, K)."""
    d = loc.shape[1]
    upper = np.triu_indices(d)
    precision = jnp.linalg.inv(cov)
    linear = jnp.einsum("kij,kj->ki", precision, loc)
    constant = jnp.log(weights) - 0.5 * (
        jnp.linalg.slogdet(cov)[1] + (linear * loc).sum(1) + d * jnp.log(2 * jnp.pi)
    )
    twice = np.where(upper[0] == upper[1], 0.5, 1.0)
    square = -twice * precision[:, upper[0], upper[1]]
    return jnp.concatenate([constant[:, None], linear, square], axis=1).T


def update(sums, rows: int):
    """The M-step: weights, locations and covariances from the sums."""
    d = round((np.sqrt(8 * sums.shape[1] + 1) - 3) / 2)
    count, first, second = sums[:, 0], sums[:, 1 : d + 1], sums[:, d + 1 :]
    loc = first / count[:, None]
    upper = np.triu_indices(d)
    square = jnp.zeros((len(count), d, d)).at[:, upper[0], upper[1]].set(second)
    square = square + jnp.triu(square, 1).mT
    return count / rows, loc, square / count[:, None, None] - loc[:, :, None] * loc[:, None, :]


def products(eta, inputs):
    """Stage 1, one block: features and responsibilities are given."""
    given, responsibilities = inputs
    return Moments(responsibilities.T @ given, (given @ eta).max())


def with_features(eta, inputs):
    """Stage 2: the features are made from the rows."""
    rows, responsibilities = inputs
    return products(eta, (features(rows), responsibilities))


def with_softmax(eta, rows):
    """Stage 3: so are the responsibilities; this is an E-step."""
    made = features(rows)
    joint = made @ eta
    top = joint.max(1, keepdims=True)
    responsibilities = jnp.exp(joint - top)
    total = responsibilities.sum(1, keepdims=True)
    return Moments((responsibilities / total).T @ made, (jnp.log(total) + top).sum())


def over_blocks(stage, eta, inputs) -> Moments:
    """A stage summed over all blocks."""
    zero = Moments(jnp.zeros(eta.T.shape), jnp.zeros(()))

    def add(total, block):
        return jax.tree.map(jnp.add, total, stage(eta, block)), None

    return jax.lax.scan(add, zero, inputs)[0]


def stages(rows, starts) -> dict[str, tuple]:
    """Programs by name, each with its arguments, from the least to a whole step."""
    blocks = jnp.asarray(rows.reshape(-1, BLOCK, rows.shape[1]))
    start = tuple(jnp.asarray(starts[name][0]) for name in ("weights", "loc", "cov"))
    eta = coefficients(*start)
    made = jax.lax.map(features, blocks)
    responsibilities = jax.nn.softmax(made @ eta)

    def step(blocks, *params):
        moments = over_blocks(with_softmax, coefficients(*params), blocks)
        return update(moments.sums, len(rows)), moments.evidence

    def e_step(stage):
        return jax.jit(lambda eta, inputs: over_blocks(stage, eta, inputs))

    return {
        "two matrix products, the floor": (e_step(products), eta, (made, responsibilities)),
        "features": (e_step(with_features), eta, (blocks, responsibilities)),
        "softmax and log-sum-exp": (e_step(with_softmax), eta, blocks),
        "M-step, and the coefficients": (jax.jit(step), blocks, *start),
    }


def parts(size: Size, rows: np.ndarray, starts: dict[str, np.ndarray]) -> dict[str, float]:
    """Seconds of pieces of jaxem's own step, by name, for the second table.

    Args:
        size: The problem.
        rows: Its rows, (N, D).
        starts: Its starts, with a leading axis of restarts.

    Returns:
        Medians of the E-step (both products, and the log joint at the anchors), of the log joint at
        the anchors alone, and of the derived M-step.
    """
    model, states = declare(size), size.components
    weights = np.ones(len(rows))
    plan = make_plan(model, rows, weights)
    fit_data = find_fit_data(Setting(model, plan, rows, weights), EM(), 1)
    source = fit_data.source("product", states, 1)
    names = tuple(p.name for p in model.free)
    values = {name: jnp.asarray(starts[name][0]) for name in names}

    def e_step(values, source):
        evidence, counts, q = source.expect(model, Exact(), values)
        return evidence, counts, q.kept

    def at_anchors(values, source):
        return model.table(values, jax.tree.map(lambda leaf: leaf[0], source.anchors.rows))

    def m_step(values, counts, kept, source):
        q = Expectation(model, Exact(), source.anchors, values, counts, kept)
        return Derived()(plan, q, values, names)

    _, counts, kept = jax.jit(e_step)(values, source)
    timed = {
        "E-step": (jax.jit(e_step), values, source),
        "of it, the log joint at the anchors": (jax.jit(at_anchors), values, source),
        "M-step": (jax.jit(m_step), values, counts, kept, source),
    }
    for program, *inputs in timed.values():
        jax.block_until_ready(program(*inputs))
    return {
        name: float(np.median([seconds_a_call(*c) for _ in range(5)])) for name, c in timed.items()
    }


def seconds_a_call(program, *inputs) -> float:
    """One call of a compiled stage."""
    return clock(lambda: [jax.block_until_ready(program(*inputs)) for _ in range(CALLS)])[0] / CALLS


def seconds_a_step(model, rows, starts) -> float:
    """One step of jaxem, as the difference of a long and a short fit."""
    short, long = (clock(lambda n=n: fit(model, rows, starts, n))[0] for n in STEPS)
    return (long - short) / (STEPS[1] - STEPS[0])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true", help=f"{SMALL} instead of {LARGE}")
    options.add_argument("--repeats", type=int, default=5, help="runs of each (default 5)")
    chosen = options.parse_args()
    size = SMALL if chosen.small else LARGE
    rows = draw_rows(size)
    starts = draw_starts(size, rows)
    model = declare(size)
    fit(model, rows, starts, STEPS[0])
    programs = stages(rows, starts)
    for program, *inputs in programs.values():
        jax.block_until_ready(program(*inputs))
    runs = []
    for _ in range(chosen.repeats):
        hand_written = [seconds_a_call(*stage) for stage in programs.values()]
        runs.append([*hand_written, seconds_a_step(model, rows, starts)])
    total = 1e3 * np.median(runs, axis=0)
    names = [*programs, "the rest of jaxem's step"]
    added = np.diff(total, prepend=0.0)
    lines = [
        [name, figure(piece), figure(sum_), figure(sum_ / total[0])]
        for name, piece, sum_ in zip(names, added, total, strict=True)
    ]
    own = [[name, figure(1e3 * value)] for name, value in parts(size, rows, starts).items()]
    publish(
        "profile",
        f"{'--small ' if chosen.small else ''}--repeats {chosen.repeats}",
        ["numpy"],
        f"{size}, one step:",
        table(("piece", "adds, ms", "in all, ms", "times the floor"), lines),
        *([table(("part of jaxem's step", "ms"), own)] if own else []),
    )


if __name__ == "__main__":
    main()
