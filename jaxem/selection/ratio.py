r"""The bootstrap likelihood-ratio test.

The number of components of a mixture cannot be tested by a chi-square: under the null hypothesis
parameters lie on a boundary or are not identified. The distribution of :math:`2 (\ell_1 - \ell_0)`
is had by drawing data from the null hypothesis and fitting both models again (McLachlan 1987).
"""

import dataclasses
from typing import Any

import numpy as np

from jaxem.fitting import Fit
from jaxem.fitting.same_data import check_same_data
from jaxem.initial.setting import prepare
from jaxem.model.binding import Bound
from jaxem.optimise.starts import make_starts
from jaxem.resampling.bootstrap import refit_drawn, warm_starts
from jaxem.simulation import Sampler, simulate
from jaxem.status import Status
from jaxem.types import Data, DeclarationError


@dataclasses.dataclass(frozen=True, eq=False)
class RatioTest:
    """A bootstrap likelihood-ratio test; print it.

    Attributes:
        statistic: Twice the difference of the log likelihoods of the two fits.
        null: The same of data drawn from the smaller model, sorted; those of replicates that ended
            with no sane answer are left out.
        failed: How many these are.
        unfinished: Replicates that are kept although a refit did not converge.
    """

    statistic: float
    null: np.ndarray
    failed: int
    unfinished: int

    @property
    def p_value(self) -> float:
        """Share of the draws that are as large, the data themselves counted among them."""
        return float((1 + (self.null >= self.statistic).sum()) / (1 + len(self.null)))

    def __str__(self) -> str:
        middle, high = np.quantile(self.null, [0.5, 0.95])
        out = (
            f"bootstrap likelihood-ratio test: 2 log ratio {self.statistic:.4f}, "
            f"p = {self.p_value:.3g}; of {len(self.null)} data sets drawn from the smaller model "
            f"the median is {middle:.4f}, the 95 % quantile {high:.4f}"
        )
        out += f"; {self.failed} had no sane answer" if self.failed else ""
        return out + (f"; {self.unfinished} did not converge" if self.unfinished else "")

    __repr__ = __str__


def likelihood_ratio_test(
    smaller: Fit,
    larger: Fit,
    data: Data,
    sampler: Sampler | None = None,
    *,
    replicates: int = 99,
    restarts: int = 5,
    key: Any = 0,
    weights: Any = None,
    lengths: Any = None,
    tolerance: float = 1e-6,
    max_steps: int = 1000,
) -> RatioTest:
    """Test a model against a larger one, such as K components against K + 1.

    Args:
        smaller: The fit of the null hypothesis.
        larger: The fit of the larger model, to the same data.
        data: The rows, or sequences, that were fitted.
        sampler: ``sampler(params, key, x)``, which draws a row, or a sequence, of the smaller model
            in the place of x; see `Fit.simulate`. Left out of a program.
        replicates: Data sets to draw; p is at least 1 / (replicates + 1).
        restarts: Starts of the larger model on each: where its fit ended, and others.
        key: An int or a JAX key.
        weights: The weights that were fitted, (n,), integers.
        lengths: For chains, the steps of each sequence, (n,), which are kept.
        tolerance: Nats that a refit may have left to gain.
        max_steps: Limit of steps of a refit.

    Raises:
        DeclarationError: If there is no sampler, a fit cannot be gone on from, or these are not
            the data of both.
    """
    whole = isinstance(replicates, int | np.integer) and not isinstance(replicates, bool)
    if not whole or replicates < 1:
        raise DeclarationError(f"replicates must be an integer of at least 1; got {replicates!r}.")
    for fit in (smaller, larger):
        fit.check_mode()
        check_same_data(fit, data, weights, lengths)
    bound = smaller.bound(data, lengths)
    drawn = simulate(
        bound,
        data,
        smaller.params,
        sampler,
        what="the bootstrap likelihood-ratio test",
        compile=smaller.compile,
        draws=replicates,
        key=key,
        weights=weights,
    )
    options = {"tolerance": tolerance, "max_steps": max_steps}
    warm = warm_starts(smaller, bound.model, replicates)
    under = refit_drawn(smaller, bound.model, drawn, warm, **options).best()
    more = larger.bound(data, lengths)
    starts = _starts(larger, more, replicates, restarts, key)
    over = refit_drawn(larger, more.model, drawn, starts, **options).best()
    good = under.usable[:, 0] & over.usable[:, 0]
    done = (under.status == Status.CONVERGED) & (over.status == Status.CONVERGED)
    done = done[:, 0]
    ratios = 2 * (over.log_likelihood - under.log_likelihood)[good, 0]
    return RatioTest(
        statistic=2 * (larger.log_likelihood - smaller.log_likelihood),
        null=np.sort(ratios),
        failed=int((~good).sum()),
        unfinished=int((good & ~done).sum()),
    )


def _starts(fit: Fit, bound: Bound, count: int, restarts: int, key: Any) -> dict[str, np.ndarray]:
    """Where the fit ended, and starts made from the data; leaves (B, R, ...)."""
    warm = warm_starts(fit, bound.model, count)
    if restarts < 2:
        return warm
    others = make_starts(prepare(bound, bound.weigh(None)), None, restarts - 1, key)
    return {
        k: np.concatenate([v, np.broadcast_to(others[k], (count, *others[k].shape))], 1)
        for k, v in warm.items()
    }
