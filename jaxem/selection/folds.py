"""Cross-validation: a fold is a set of weights that are zero.

All folds and all their starts are fitted side by side, by the loop of a fit.
"""

import dataclasses
from typing import Any

import numpy as np

from jaxem.algorithm import EM, WarmUp
from jaxem.data.fit_data import find_fit_data
from jaxem.data.own import every_row
from jaxem.estep import Exact
from jaxem.fitting import Race
from jaxem.fitting.options import check_options
from jaxem.initial.setting import prepare
from jaxem.model.binding import Bound, Declaration, bind_steps
from jaxem.numerics.keys import generator
from jaxem.objective.exact import exact_evidence
from jaxem.optimise.replicates import refit
from jaxem.optimise.starts import make_starts
from jaxem.types import Data, DeclarationError


@dataclasses.dataclass(frozen=True, eq=False)
class HeldOut:
    """Log likelihood of data that a fit has not seen; print it. Higher is better.

    Attributes:
        log_likelihood: Summed over all folds, each under the fit to the others.
        error: Standard error of the log likelihood, from the variance between folds; a fold is
            compared with the mean by weight, so that folds may differ in size.
        per_fold: Log likelihood of each fold, (folds,); NaN where no start ended usable, -inf where
            a row of the fold is impossible under the fit to the others.
        weight: Total weight held out in each fold, (folds,).
    """

    log_likelihood: float
    error: float
    per_fold: np.ndarray
    weight: np.ndarray

    @property
    def mean(self) -> float:
        """Log likelihood a row, or a sequence."""
        return self.log_likelihood / float(self.weight.sum())

    def __str__(self) -> str:
        impossible = np.flatnonzero(self.per_fold == -np.inf).tolist()
        told = f"; impossible under the fit to the others: folds {impossible}" if impossible else ""
        return (
            f"held-out log likelihood {self.log_likelihood:.3f} (standard error {self.error:.3f}), "
            f"{len(self.per_fold)} folds, {self.mean:.4f} a unit{told}"
        )

    __repr__ = __str__


def cross_validate(
    model: Declaration,
    data: Data,
    *,
    folds: Any = 10,
    restarts: int | Race = 5,
    key: Any = 0,
    weights: Any = None,
    lengths: Any = None,
    algorithm: EM | None = None,
    tolerance: float = 1e-6,
    max_steps: int = 1000,
) -> HeldOut:
    """The held-out log likelihood of a model.

    Every fold is fitted from the same starts, which are made of all rows; the end with the highest
    objective on the rows of that fit is kept.

    Args:
        model: The declared model, or a program from `jaxem.from_numpyro`.
        data: Rows, or sequences, which are the units that are held out.
        folds: Number of random folds; or the fold of each row or sequence, (n,).
        restarts: Starts of each fold; or ``jaxem.Race(64)``, a race in each of them.
        key: An int or a JAX key, of starts and folds.
        weights: Weights of rows, or of sequences, (n,).
        lengths: For a chain, the steps of each sequence, (n,).
        algorithm: The algorithm, ``EM()`` if left out.
        tolerance: Nats that may remain to be gained.
        max_steps: Limit of steps.

    Raises:
        DeclarationError: If the model, the data or the folds cannot be used as given.
    """
    algorithm = EM() if algorithm is None else algorithm
    if isinstance(algorithm, WarmUp):
        raise DeclarationError(
            f"annealing and stochastic EM run in jaxem.fit alone; give cross_validate the "
            f"algorithm that follows them, or none. Got {type(algorithm).__name__}."
        )
    race = restarts if isinstance(restarts, Race) else None
    starts_of = restarts.restarts if isinstance(restarts, Race) else restarts
    check_options(starts_of, tolerance, max_steps, None, algorithm)
    bound = bind_steps(model, data, lengths)
    given = bound.weigh(weights)
    setting = prepare(bound, given)
    of_units = bound.by_unit(given)
    label = _read_folds(folds, of_units, key)
    count = label.max() + 1
    fold = np.arange(count)[:, None]
    sizes = (of_units * (label == fold)).sum(1)
    kept, held = (_by_row(bound, of_units * chosen) for chosen in (label != fold, label == fold))
    if bound.sequences is None:
        fit_data = find_fit_data(setting, algorithm, starts_of)
    else:
        fit_data = every_row(setting, algorithm)
    setting = dataclasses.replace(setting, anchors=fit_data.found)
    starts = {
        name: np.broadcast_to(leaf, (count, *leaf.shape))
        for name, leaf in make_starts(setting, None, starts_of, key).items()
    }
    found = refit(
        bound.model,
        setting.plan,
        algorithm,
        fit_data,
        starts,
        fit_data.merged(kept),
        tolerance=tolerance,
        max_steps=max_steps,
        race=race,
    ).best()
    sums = np.empty(count)
    for k, weights in enumerate(held):
        others = dataclasses.replace(setting, weights=weights)
        sums[k] = exact_evidence(others, Exact(), {n: v[k, 0] for n, v in found.values.items()})
    sums = np.where(found.usable[:, 0], sums, np.nan)
    total = float(sums.sum())
    with np.errstate(invalid="ignore"):  # a fold may be impossible
        apart = sums - sizes * (total / sizes.sum())  # folds may differ in size
    error = float(np.sqrt(count / (count - 1) * (apart**2).sum()))
    return HeldOut(total, error, sums, sizes)


def check_folds(model: Declaration, data: Data, folds: Any, weights: Any, lengths: Any) -> None:
    """Whether folds fit the data, before anything is fitted; arguments of `cross_validate`.

    Raises:
        DeclarationError: If they do not.
    """
    bound = bind_steps(model, data, lengths)
    _read_folds(folds, bound.by_unit(bound.weigh(weights)), 0)


def _by_row(bound: Bound, weights: np.ndarray) -> np.ndarray:
    """Weights of units (B, n) given to their rows, (B, N)."""
    if bound.sequences is None:
        return weights
    return np.stack([bound.sequences.spread(one) for one in weights])


def _read_folds(folds: Any, weights: np.ndarray, key: Any) -> np.ndarray:
    """The fold of each unit, integers from 0, (n,)."""
    count = len(weights)
    if np.ndim(folds) == 1:
        given = np.asarray(folds)
        if given.dtype.kind == "f" and np.isnan(given).any():
            raise DeclarationError("folds has a label that is NaN; give every row a fold.")
        label = np.unique(given, return_inverse=True)[1]
        if len(label) != count or label.max() < 1:
            raise DeclarationError(
                f"folds has {len(label)} labels of {label.max() + 1} kinds; expected one for each "
                f"of {count} rows or sequences, of at least 2 kinds."
            )
        empty = np.bincount(label, weights) == 0
        if empty.any():
            raise DeclarationError(
                f"a fold has no row or sequence of positive weight: {empty.sum()} of {len(empty)} "
                f"folds are empty. Leave them out of folds."
            )
        return label
    present = int((weights > 0).sum())
    if np.ndim(folds) > 1:
        raise DeclarationError(
            f"folds has shape {np.shape(folds)}; expected an integer, or one label a row or "
            f"sequence, ({count},)."
        )
    whole = isinstance(folds, int | np.integer) and not isinstance(folds, bool)
    if not whole or not 2 <= folds <= present:
        raise DeclarationError(
            f"folds must be an integer between 2 and {present}, the number of rows or sequences of "
            f"positive weight, or the fold of each of them; got {folds!r}."
        )
    label = np.zeros(count, int)
    order = generator(key).permutation(np.flatnonzero(weights > 0))
    label[order] = np.arange(present) % folds
    return label
