"""Latent classes with items of four levels, against StepMix (`pip install stepmix`).

StepMix takes no starting parameters; its start is the M-step of responsibilities that it draws
from its seed, which is easily done again here, so that both begin at the same place.
"""

import argparse
import dataclasses
import warnings

import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints
from sklearn.exceptions import ConvergenceWarning

import jaxem
from benchmarks.contest import clock, duel_of_steps
from benchmarks.report import figure, publish, table

try:
    from stepmix.stepmix import StepMix
except ImportError:
    raise SystemExit("benchmarks.latent_classes needs StepMix: pip install stepmix") from None

STEPS = 5, 25
SEED = 0

HEAD = (
    "problem",
    "StepMix's data",
    "jaxem, ms a step",
    "StepMix, ms a step",
    "StepMix / jaxem (range)",
    f"jaxem, s for {STEPS[1]} steps",
    f"StepMix, s for {STEPS[1]} steps",
    "StepMix / jaxem (range)",
    "jaxem's first fit, s",
    "apart, nats",
)


@dataclasses.dataclass(frozen=True)
class Size:
    """Rows, items, levels of each item, and classes."""

    rows: int
    items: int
    levels: int
    classes: int

    def __str__(self) -> str:
        return f"N={self.rows:,}, {self.items} items of {self.levels} levels, K={self.classes}"


SMALL = Size(rows=2_000, items=8, levels=4, classes=3)
LARGE = Size(rows=50_000, items=20, levels=4, classes=6)


def draw_rows(size: Size, seed: int = 1) -> np.ndarray:
    """Answers coded from 0, (N, items) int64."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(size.levels), (size.classes, size.items))
    label = rng.integers(0, size.classes, size.rows)
    steps = probs.cumsum(-1)[label]
    chosen = (rng.uniform(size=(size.rows, size.items, 1)) > steps).sum(-1)
    return np.minimum(chosen, size.levels - 1)  # a last sum may be a rounding below 1


def one_hot(rows: np.ndarray, levels: int) -> np.ndarray:
    """Indicators of the levels side by side, (N, items * levels)."""
    return (rows[..., None] == np.arange(levels)).reshape(len(rows), -1).astype(float)


def draw_start(size: Size, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Where StepMix begins with this seed."""
    responsibilities = np.random.RandomState(SEED).uniform(size=(size.rows, size.classes))
    responsibilities /= responsibilities.sum(1, keepdims=True)
    counts = responsibilities.T @ one_hot(rows, size.levels)
    probs = (
        counts.reshape(size.classes, size.items, size.levels)
        / responsibilities.sum(0)[:, None, None]
    )
    return {"weights": np.full(size.classes, 1 / size.classes), "probs": probs}


def declare(size: Size) -> jaxem.Model:
    """Items that are independent once the class is known."""

    def log_joint(params, z, x):
        answers = dist.CategoricalProbs(params["probs"][z]).log_prob(x).sum()
        return dist.CategoricalProbs(params["weights"]).log_prob(z) + answers

    return jaxem.Model(
        log_joint,
        latent=jaxem.Finite(size.classes),
        prior={
            "weights": jaxem.flat((size.classes,), constraints.simplex),
            "probs": jaxem.flat((size.classes, size.items, size.levels), constraints.simplex),
        },
    )


def fit_theirs(size: Size, rows: np.ndarray, steps: int, coded: bool) -> StepMix:
    """StepMix without its tolerances; rows are integer codes, or one-hot if not `coded`."""
    wide = {"max_n_outcomes": size.levels, "total_outcomes": size.items * size.levels}
    mixture = StepMix(
        size.classes,
        measurement="categorical",
        measurement_params={"integer_codes": True} if coded else {"integer_codes": False, **wide},
        abs_tol=0,
        rel_tol=0,
        max_iter=steps,
        random_state=SEED,
        progress_bar=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the steps are the stopping rule
        return mixture.fit(rows)


def contest(size: Size, repeats: int) -> list[list[str]]:
    """Two rows of the table: StepMix codes integers anew in every step, or is given them coded."""
    rows = draw_rows(size)
    start = draw_start(size, rows)
    model = declare(size)

    def ours(steps):
        return jaxem.fit(model, rows, init=start, tolerance=0, max_steps=steps)

    first, _ = clock(lambda: ours(STEPS[0]))
    lines = []
    for coded in (True, False):
        given = rows.astype(float) if coded else one_hot(rows, size.levels)
        result = duel_of_steps(
            ours, lambda steps, x=given, c=coded: fit_theirs(size, x, steps, c), STEPS, repeats
        )
        apart = abs(result.ours.log_likelihood - result.theirs.score(given) * size.rows)
        words = "integers" if coded else "one-hot"
        cells = [*result.step.cells(unit=1e-3), *result.whole.cells()]
        lines.append([str(size), words, *cells, figure(first), f"{apart:.1e}"])
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true", help=f"only {SMALL}")
    options.add_argument("--repeats", type=int, default=5, help="pairs (default 5)")
    chosen = options.parse_args()
    publish(
        "latent_classes",
        f"{'--small ' if chosen.small else ''}--repeats {chosen.repeats}",
        ["numpy", "stepmix"],
        table(HEAD, contest(SMALL if chosen.small else LARGE, chosen.repeats)),
    )


if __name__ == "__main__":
    main()
