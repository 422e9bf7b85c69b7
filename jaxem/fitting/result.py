"""The result of a fit: the best restart, and all others."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from jaxem.algorithm import Algorithm
from jaxem.compiled.programs import Programs
from jaxem.compiled.stopwatch import Seconds
from jaxem.errors import Errors
from jaxem.errors.surface import Quantity
from jaxem.fitting.summary import summarise
from jaxem.fitting.uncertainty import errors_of
from jaxem.model import Model
from jaxem.model.binding import Declaration
from jaxem.predict.readings import Readings
from jaxem.status import Status
from jaxem.types import Data, DeclarationError, Params

_HOPELESS = (Status.IMPOSSIBLE, Status.DEGENERATE, Status.UNRELIABLE)


@dataclasses.dataclass(frozen=True)
class Restarts:
    """All restarts, in the order of their starts.

    Attributes:
        objective: Objectives, (R,).
        log_likelihood: Log likelihoods, (R,).
        status: A `Status` each.
        steps: Steps taken, (R,).
        gradient_norm: Largest entry of the gradient in real coordinates (logs, logits), (R,).
        params: Parameters, nested as declared, stacked over restarts.
        traces: Objective after each step, one array a restart.
        best: Index of the restart that was chosen.
    """

    objective: np.ndarray
    log_likelihood: np.ndarray
    status: list[Status]
    steps: np.ndarray
    gradient_norm: np.ndarray
    params: Params
    traces: tuple[np.ndarray, ...]
    best: int

    def __len__(self) -> int:
        return len(self.status)

    @property
    def reached_best(self) -> int:
        """How many usable restarts reached the best objective, to 1e-4 nats."""
        best = self.objective[self.best]
        if not np.isfinite(best):
            return 0
        finite = np.where(np.isfinite(self.objective), self.objective, -np.inf)
        near = np.abs(finite - best) < 1e-4 + 1e-7 * np.abs(best)
        return int(sum(n and s.usable for n, s in zip(near, self.status, strict=True)))


@dataclasses.dataclass(frozen=True, eq=False)
class Fit(Readings):
    """A fitted model.

    Everything refers to the best restart; `restarts` has them all.

    Attributes:
        params: Parameters, nested as declared.
        objective: The objective: the log posterior; or, of an E-step that is not exact, its own
            likelihood plus the log prior.
        log_likelihood: The objective less the log prior; for the log likelihood itself whatever the
            E-step, see `Model.log_likelihood`.
        log_prior: The log prior.
        status: The status of the best restart.
        steps: Steps that it took.
        trace: Objective at the start and after each step, (steps + 1,).
        gradient_norm: Largest entry of the gradient in real coordinates (logs, logits).
        restarts: All restarts.
        plan: What the algebra found.
        model: The declared model; None for a fit that was loaded without one. A program is here
            as the model for the data that it was fitted to.
        algorithm: The algorithm that was run.
        rows: Number of rows of positive weight.
        notes: Notes for the reader, in sentences.
        method: The algorithm, its finish and a race, in sentences.
        warm_up_steps: Steps of annealing or stochastic EM at the beginning of every trace; the
            objective may fall during them, and not afterwards.
        endless: Where the status is separated, names of the real coordinates that go to infinity,
            and of those that no longer affect the objective there.
        seconds: Seconds by stage; None for a fit that was loaded, or had nothing to estimate.
    """

    params: Params
    objective: float
    log_likelihood: float
    log_prior: float
    status: Status
    steps: int
    trace: np.ndarray
    gradient_norm: float
    restarts: Restarts
    plan: Any
    model: Declaration | None
    algorithm: Algorithm
    rows: int
    notes: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    warm_up_steps: int = 0
    endless: tuple[str, ...] = ()
    seconds: Seconds | None = None

    @property
    def log_posterior(self) -> float:
        """Log likelihood plus log prior, up to the constant of Bayes' rule; see `objective`."""
        return self.objective

    @property
    def converged(self) -> bool:
        """Whether the best restart converged."""
        return self.status == Status.CONVERGED

    def __getstate__(self) -> dict[str, Any]:
        """A fit of another process has no plan and no programs, and makes what it needs."""
        return {**vars(self), "plan": None, "programs": Programs()}

    def __copy__(self) -> "Fit":
        return dataclasses.replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Fit":
        own = {"params": self.params, "trace": self.trace, "restarts": self.restarts}
        return dataclasses.replace(self, **copy.deepcopy(own, memo))

    def check_mode(self) -> None:
        """Whether there is a mode to go on from.

        Raises:
            DeclarationError: If there is none, or nothing was estimated.
        """
        if isinstance(self.model, Model) and not self.model.free:
            raise DeclarationError(
                "every parameter is fixed by its prior: nothing was estimated, and there is no "
                "mode to go on from. Give a prior that is not dist.Delta to what is unknown."
            )
        if not np.isfinite(self.objective) or self.status in _HOPELESS:
            raise DeclarationError(
                f"the fit has no mode to go on from: its objective is {self.objective:g}, its "
                f"status {str(self.status)!r} ({self.status.sentence}). Fit again with other "
                f"starts, fewer states, or a prior that keeps the parameters off the boundary."
            )

    def errors(
        self,
        data: Data,
        *,
        of: Quantity | None = None,
        kind: str = "information",
        clusters: Any = None,
        weights: Any = None,
        lengths: Any = None,
    ) -> Errors:
        """Standard errors of the parameters, or of quantities that depend on them.

        From the curvature of the log likelihood, with priors of the log posterior, carried to the
        parameters by the delta method. See `jaxem.errors` for the formulas.

        Args:
            data: The rows, or sequences, that were fitted.
            of: A function from parameters, nested as declared, to arrays, written in JAX; the free
                parameters themselves if left out.
            kind: "information", the inverse of the observed information; "sandwich", right also
                where the model is wrong; "outer", from the scores alone.
            clusters: For the last two, the cluster of each row or sequence, (n,).
            weights: The weights that were fitted, (n,).
            lengths: For a chain, the steps of each sequence, (n,).

        Returns:
            The errors; print them for a table.

        Raises:
            DeclarationError: If an option is unknown, if these are not the data of the fit, or if
                the fit maximised something else than the likelihood.
        """
        options = {"of": of, "kind": kind, "clusters": clusters}
        return errors_of(self, data, weights, lengths, **options)

    def summary(self) -> str:
        """The fit for a reader: estimates, objective, restarts, and what went wrong."""
        return summarise(self)

    def save(self, path: str | Path) -> None:
        """Write everything but the model to one file; see `jaxem.load`."""
        from jaxem.fitting.save import save

        save(self, path)

    def __str__(self) -> str:
        return self.summary()

    __repr__ = __str__
