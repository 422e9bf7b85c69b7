"""Standard errors as a record, and intervals made of them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxem.errors.identify import Identified
from jaxem.errors.intervals import quantile, wald
from jaxem.errors.profile import profile_end
from jaxem.errors.surface import Curvature, Surface
from jaxem.errors.table import interval_table, table
from jaxem.types import DeclarationError


@dataclasses.dataclass(frozen=True, eq=False)
class Interval:
    """Confidence intervals.

    Attributes:
        names: The entries, (m,).
        lower: Lower ends, in the form of the quantities; NaN where there is none.
        upper: Upper ends.
        level: Their coverage.
        kind: How they were made, in words.
    """

    names: tuple[str, ...]
    lower: Any
    upper: Any
    level: float
    kind: str

    def __str__(self) -> str:
        return interval_table(self)

    __repr__ = __str__


@dataclasses.dataclass(frozen=True, eq=False)
class Errors:
    """Standard errors of the parameters, or of quantities that depend on them; print it.

    Attributes:
        names: Every entry, such as "loc[0]", (m,), in the order of `covariance`.
        estimate: Estimates, nested as the parameters are, or in the form of the quantities.
        se: Standard errors in the same form; NaN for what lies on the boundary of its support or at
            a kink of its prior, is not identified, or where the fit is no maximum.
        covariance: Covariance of all entries, (m, m).
        missing: In the same form, the share of each variance that is due to the hidden states.
        rate: Factor by which EM's distance from the answer shrinks at every step, over the
            directions in which it moves; None if it moves in none.
        kind: "information", "sandwich" or "outer".
        boundary: Entries on the boundary of their support; they were held.
        resting: Entries exactly at a kink of their prior, as zeros of a lasso; they were held.
        unidentified: Combinations along which the likelihood does not change, in words.
        upward: Combinations along which the objective curves upwards: the fit is a saddle.
        notes: Notes for the reader, in sentences.
        coordinates: Names of the real coordinates that derivatives were taken in, (d,).
        curvature: Derivatives in these coordinates.
    """

    names: tuple[str, ...]
    estimate: Any
    se: Any
    covariance: np.ndarray
    missing: Any
    rate: float | None
    kind: str
    boundary: tuple[str, ...]
    resting: tuple[str, ...]
    unidentified: tuple[str, ...]
    upward: tuple[str, ...]
    notes: tuple[str, ...]
    coordinates: tuple[str, ...]
    curvature: Curvature
    surface: Surface
    identified: Identified
    slopes: np.ndarray
    bounds: np.ndarray

    def interval(self, level: float = 0.95) -> Interval:
        """Wald intervals, made on the scale of the support and carried back.

        Logarithms for what is positive, logits for probabilities; quantities of one's own are
        taken as they are.

        Args:
            level: Coverage.

        Raises:
            DeclarationError: If the level is not between 0 and 1.
        """
        ends = wald(self._flat(self.estimate), self._flat(self.se), self.bounds, level)
        return self._made(*ends, level, "Wald")

    def profile(self, *names: str, level: float = 0.95) -> Interval:
        """Profile likelihood intervals, which no choice of scale changes.

        Each end takes a few dozen evaluations of the likelihood and its second derivatives.

        Args:
            *names: Entries, as in `names`, or whole parameters; all if left out.
            level: Coverage.

        Returns:
            The intervals; NaN for entries not asked for, and for ends that were not found, be it
            that the likelihood never falls so far.

        Raises:
            DeclarationError: If a name is unknown, or the fit has directions without curvature.
        """
        z = quantile(level)
        if self.identified.flat.shape[1] or self.identified.upward.shape[1]:
            raise DeclarationError(
                "profile intervals need a maximum that is identified in every direction; "
                "print the errors to see which is not."
            )
        wanted = self._chosen(names)
        lower, upper = np.full((2, len(self.names)), np.nan)
        for i in wanted:
            for ends, side in ((lower, -z), (upper, z)):
                inverse = self.identified.inverse
                ends[i] = profile_end(self.surface, i, self.slopes[i], inverse, side).value
        return self._made(lower, upper, level, "profile")

    def influence(self) -> np.ndarray:
        """The derivative of every entry in the weight of every unit, (n, m).

        The score of the unit, through the inverse information and the Jacobian of the quantities
        (Hampel 1974; the infinitesimal jackknife of Jaeckel 1972). Zero for units of weight zero.
        """
        return self.surface.scores() @ self.identified.inverse @ self.slopes.T

    def _chosen(self, names: Sequence[str]) -> list[int]:
        se = self._flat(self.se)
        chosen = []
        for name in names:
            found = [i for i, n in enumerate(self.names) if n == name or n.startswith(f"{name}[")]
            if not found:
                raise DeclarationError(
                    f"there is no entry {name!r}; these are {', '.join(self.names[:12])}"
                    f"{', ...' if len(self.names) > 12 else ''}."
                )
            chosen += found
        every = chosen if names else range(len(self.names))
        return [i for i in every if np.isfinite(se[i]) and se[i] > 0]

    def _made(self, lower: np.ndarray, upper: np.ndarray, level: float, kind: str) -> Interval:
        shaped = self.surface.shaped
        return Interval(self.names, shaped(lower), shaped(upper), level, kind)

    def _flat(self, tree: Any) -> np.ndarray:
        return self.surface.flat(tree)

    def __str__(self) -> str:
        return table(self)

    __repr__ = __str__
