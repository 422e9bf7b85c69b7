"""What a fitted model says of data: of each row, of each step of a sequence, of steps to come."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.fitting import decoding, forecasting
from jaxem.latent import Markov, Tree
from jaxem.model import Model
from jaxem.model.binding import Bound, Declaration, bind_steps
from jaxem.model.declaration import check_call
from jaxem.numerics.plain import plain
from jaxem.numerics.rows import take_rows
from jaxem.types import Array, Data, DeclarationError, Params


class Readings:
    """A model with parameters, read on data that may be others than those it was fitted to."""

    model: Declaration | None
    params: Params
    plan: Plan | None
    algorithm: Algorithm

    def responsibilities(self, data: Data, *, lengths: Any = None) -> Array:
        """Posterior of the latent states of each row, (n, K).

        Of a chain, of each step, (n, T, S); of a tree, of each node, (n, N, S).

        Args:
            data: Rows, or sequences, of the declared form.
            lengths: For a chain, the steps of each sequence, (n,); past an end there are zeros.

        Raises:
            DeclarationError: If the data cannot be read, or the fit was loaded without a model.
        """
        if self._is_linked:
            return self._read(data, lengths, "states", decoding.states(self.algorithm.e_step))
        return self._on(data, "responsibilities", lengths)

    def predict(self, data: Data, *, lengths: Any = None) -> Array:
        """Most probable latent state of each row, (n,).

        Of a chain, the most probable path of each sequence, (n, T), by Viterbi's algorithm; -1
        past its end. Of a tree, the most probable states of all nodes together, (n, N).
        """
        if self._is_linked:
            return self._read(data, lengths, "path", decoding.path, fill=-1)
        return self._on(data, "predict", lengths)

    def log_density(self, data: Data, *, lengths: Any = None) -> Array:
        """Log evidence of each row, or of each sequence, (n,)."""
        if self._is_linked:
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

    def forecast(
        self, data: Data, steps: int | None = None, *, future: Data = None, lengths: Any = None
    ) -> Array:
        """Of a chain, the states of steps to come given the data, (n, k, S).

        How states follow one another is read off the log joint, where that is possible. If
        transitions depend on inputs, only steps to come that hold these can be forecast.

        Args:
            data: Leaves (sequence, time, ...).
            steps: How many steps after the end of each sequence, k.
            future: Or these steps as data, leaves (sequence, k, ...), with a mask by which the log
                joint leaves out what has not been seen.
            lengths: Steps of each sequence, (n,).

        Raises:
            DeclarationError: If the latent structure is no chain, if the log joint does not tell
                the transition without ``future``, or if it has more in it than that with it.
        """
        forecasting.check_request(steps, future)
        bound, filtered = self.bind(data, lengths), self.filtered(data, lengths=lengths)
        assert bound.sequences is not None
        ends, which = bound.sequences.lengths, np.arange(bound.sequences.count)[:, None]
        if steps is not None:
            ratios = decoding.decode(
                bound, self.params, self.plan, "ratios", forecasting.ratios, timed=False
            )
            last = np.asarray(filtered)[which[:, 0], ends - 1]
            return jnp.asarray(forecasting.ahead(last, ratios, steps), filtered.dtype)
        longer, places = forecasting.extend(data, ends, future)
        until = ends + places.shape[1]
        sums = self._read(longer, until, "totals", forecasting.totals)
        forecasting.check_totals(np.asarray(sums)[which, places - 1])
        return self.filtered(longer, lengths=until)[which, places]

    def filtered(self, data: Data, *, lengths: Any = None) -> Array:
        """Of a chain, the posterior of each state given the data up to it, (n, T, S)."""
        if isinstance(self.model, Model) and isinstance(self.model.latent, Tree):
            raise DeclarationError(
                f"{self.model!r} has no order of time to filter along; responsibilities(data) "
                f"gives every state given all data."
            )
        return self._read(data, lengths, "filtered", decoding.filtered)

    def pairwise(self, data: Data, *, lengths: Any = None) -> Array:
        """Of a chain, the posterior of each state and the next, (n, T - 1, S, S).

        Of a tree, of the parent's state and each node's own, for all nodes but the root.
        """
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

    @property
    def _is_linked(self) -> bool:
        return isinstance(self.model, Model) and isinstance(self.model.latent, Markov)

    def bind(self, data: Data, lengths: Any = None) -> Bound:
        """The model and the rows of data of the declared form."""
        if self.model is None:
            raise DeclarationError(
                "this fit was loaded without its model; give it with jaxem.load(path, model)."
            )
        return bind_steps(self.model, data, lengths)

    def _read(self, data: Data, lengths: Any, name: Any, reading, fill=0, key: Any = 0) -> Array:
        bound = self.bind(data, lengths)
        name = name, self.algorithm.e_step
        values = decoding.decode(bound, self.params, self.plan, name, reading, key)
        if values.ndim == 1 or bound.sequences is None:
            return jnp.asarray(values)
        exists = bound.sequences.exists[:, bound.sequences.horizon - values.shape[1] :]
        exists = exists.reshape(*exists.shape, *[1] * (values.ndim - 2))
        return jnp.asarray(np.where(exists, values, fill))

    def compile(self, key: Any, function: Any) -> Any:
        """The compiled form of a function, kept with the plan where there is one."""
        return self.plan.program(key, function) if self.plan else jax.jit(plain(function))

    def _on(self, data: Data, what: str, lengths: Any) -> Array:
        bound = self.bind(data, lengths)
        model, prepared = bound.model, bound.rows
        e_step = self.algorithm.e_step

        def row_block(values, rows):
            table = model.table(values, rows)
            if what == "predict":
                return model.latent.mode(table)
            evidence, shares = e_step.posterior(model.latent, table)
            return shares if what == "responsibilities" else evidence

        program = self.compile((what, e_step), row_block)
        check_call(model, take_rows(prepared, 0))
        rows = jax.tree.map(jnp.asarray, prepared)
        return program(model.flatten(self.params), rows)
