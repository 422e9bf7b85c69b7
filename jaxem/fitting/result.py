"""What a fit returns: the best answer, how it was reached, and every other restart."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algorithm import Algorithm
from jaxem.estep import Hard
from jaxem.fitting import decoding
from jaxem.fitting.summary import summarise
from jaxem.latent import Chain
from jaxem.model import Model
from jaxem.model.binding import Bound, Declaration, bind_steps
from jaxem.model.declaration import check_call
from jaxem.numerics.plain import plain
from jaxem.numerics.rows import take_rows
from jaxem.status import Status
from jaxem.types import Array, Data, DeclarationError, Params


@dataclasses.dataclass(frozen=True)
class Restarts:
    """All restarts, in the order of their starts.

    Attributes:
        objective: What each reached, (R,).
        log_likelihood: Log likelihood there, (R,).
        status: How each ended.
        steps: Steps each took, (R,).
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
class Fit:
    """A fitted model.

    Everything refers to the best restart; `restarts` has them all.

    Attributes:
        params: Parameters, nested as declared.
        objective: What was maximised: the log posterior, or for a hard E-step the classification
            log likelihood plus the log prior.
        log_likelihood: The part of the objective that the data make.
        log_prior: The part that the prior makes.
        status: How the best restart ended.
        steps: Steps it took.
        trace: Objective at the start and after each step, (steps + 1,).
        gradient_norm: Largest entry of the gradient there, in real coordinates (logs, logits).
        restarts: All restarts.
        plan: What the algebra found.
        model: The declared model; None for a fit that was loaded without one. A program is here
            as the model for the data that it was fitted to.
        algorithm: What was run.
        rows: Number of rows of positive weight.
        notes: What a reader should know, in sentences.
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

    @property
    def log_posterior(self) -> float:
        """Log likelihood plus log prior, up to the constant of Bayes' rule."""
        return self.objective

    @property
    def is_hard(self) -> bool:
        """Whether the objective counts only the most probable states."""
        return isinstance(self.algorithm.e_step, Hard)

    @property
    def converged(self) -> bool:
        """Whether the best restart converged."""
        return self.status == Status.CONVERGED

    def responsibilities(self, data: Data, *, lengths: Any = None) -> Array:
        """Posterior of the latent states of each row, (n, K); of a chain, of each step, (n, T, S).

        Args:
            data: Rows, or sequences, of the declared form.
            lengths: For a chain, the steps of each sequence, (n,); past an end there are zeros.

        Raises:
            DeclarationError: If the data cannot be read, or the fit was loaded without a model.
        """
        if self._is_chain:
            return self._read(data, lengths, "states", decoding.states(self.algorithm.e_step))
        return self._on(data, "responsibilities", lengths)

    def predict(self, data: Data, *, lengths: Any = None) -> Array:
        """Most probable latent state of each row, (n,).

        Of a chain, the most probable path of each sequence, (n, T), by Viterbi's algorithm; -1
        past its end.
        """
        if self._is_chain:
            return self._read(data, lengths, "path", decoding.path, fill=-1)
        return self._on(data, "predict", lengths)

    def log_density(self, data: Data, *, lengths: Any = None) -> Array:
        """Log evidence of each row, or of each sequence, (n,)."""
        if self._is_chain:
            reading = decoding.evidence(self.algorithm.e_step)
            return self._read(data, lengths, "evidence", reading)
        return self._on(data, "log_density", lengths)

    def viterbi(self, data: Data, *, lengths: Any = None) -> tuple[Array, Array]:
        """Of a chain, the most probable path of each sequence and its log joint.

        Args:
            data: Leaves (sequence, time, ...).
            lengths: Steps of each sequence, (n,).

        Returns:
            States (n, T), -1 past an end; and log joints of path and data, (n,), -inf for a
            sequence that no path can make.

        Raises:
            DeclarationError: If the latent structure is no chain, or the data cannot be read.
        """
        states = self._read(data, lengths, "path", decoding.path, fill=-1)
        return states, self._read(data, lengths, "path value", decoding.path_value)

    def filtered(self, data: Data, *, lengths: Any = None) -> Array:
        """Of a chain, the posterior of each state given the data up to it, (n, T, S)."""
        return self._read(data, lengths, "filtered", decoding.filtered)

    def pairwise(self, data: Data, *, lengths: Any = None) -> Array:
        """Of a chain, the posterior of each state and the next, (n, T - 1, S, S)."""
        reading = decoding.pairs(self.algorithm.e_step)
        return self._read(data, lengths, "pairs", reading)

    def sample_paths(
        self, data: Data, *, draws: int = 1, key: Any = 0, lengths: Any = None
    ) -> Array:
        """Of a chain, paths drawn from their posterior, (draws, n, T); -1 past an end.

        Args:
            data: Leaves (sequence, time, ...).
            draws: How many.
            key: An int or a JAX key.
            lengths: Steps of each sequence, (n,).
        """
        reading = decoding.drawn_paths(draws)
        drawn = self._read(data, lengths, ("draws", draws), reading, fill=-1, key=key)
        return jnp.moveaxis(drawn, -1, 0)

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

    @property
    def _is_chain(self) -> bool:
        return isinstance(self.model, Model) and isinstance(self.model.latent, Chain)

    def _bound(self, data: Data, lengths: Any) -> Bound:
        if self.model is None:
            raise DeclarationError(
                "this fit was loaded without its model; give it with jaxem.load(path, model)."
            )
        return bind_steps(self.model, data, lengths)

    def _read(self, data: Data, lengths: Any, name: Any, reading, fill=0, key: Any = 0) -> Array:
        bound = self._bound(data, lengths)
        name = name, self.algorithm.e_step
        values = decoding.decode(bound, self.params, self.plan, name, reading, key)
        if values.ndim == 1 or bound.sequences is None:
            return jnp.asarray(values)
        exists = bound.sequences.exists[:, bound.sequences.horizon - values.shape[1] :]
        exists = exists.reshape(*exists.shape, *[1] * (values.ndim - 2))
        return jnp.asarray(np.where(exists, values, fill))

    def _on(self, data: Data, what: str, lengths: Any) -> Array:
        bound = self._bound(data, lengths)
        model, prepared = bound.model, bound.rows
        e_step = self.algorithm.e_step

        def row_block(values, rows):
            table = model.table(values, rows)
            if what == "predict":
                return model.latent.mode(table)
            evidence, shares = e_step.posterior(model.latent, table)
            return shares if what == "responsibilities" else evidence

        program = (
            self.plan.program((what, e_step), row_block) if self.plan else jax.jit(plain(row_block))
        )
        check_call(model, take_rows(prepared, 0))
        rows = jax.tree.map(jnp.asarray, prepared)
        return program(model.flatten(self.params), rows)
