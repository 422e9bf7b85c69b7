"""What a fitted model says of data: of each row, of each step of a sequence, of steps to come."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.estep import EStep
from jaxem.estep.batch import block_size, make_batch
from jaxem.fitting import decoding, expecting, forecasting
from jaxem.fitting.expecting import Wanted
from jaxem.latent import Tree
from jaxem.model import Model
from jaxem.model.binding import Bound, Declaration, bind_steps
from jaxem.model.declaration import check_call
from jaxem.numerics.plain import plain
from jaxem.numerics.rows import row_count, take_rows
from jaxem.types import Array, Data, DeclarationError, Params, State


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
        bound, e_step = self.bind(data, lengths), self.algorithm.e_step
        if bound.sequences is not None:
            return self._read(bound, "states", decoding.states(e_step))
        return self._by_row(bound, ("responsibilities", e_step), posterior_of_rows(e_step, 1))

    def predict(self, data: Data, *, lengths: Any = None) -> State:
        """Most probable latent state of each row, (n,): the mode of its posterior.

        Of a chain, the most probable path of each sequence, (n, T), by Viterbi's algorithm; -1
        past its end. Of a tree, the most probable states of all nodes together, (n, N). Of named
        parts, ``Finite(topic=5, outlier=2)``, a dictionary of such arrays: the mode of all parts
        together.
        """
        bound = self.bind(data, lengths)
        if bound.sequences is not None:
            return _named(bound, self._read(bound, "path", decoding.path, fill=-1))
        return _named(bound, self._by_row(bound, "mode", mode_of_rows))

    def expect(self, data: Data, function: Wanted, *, lengths: Any = None) -> Any:
        r"""Conditional expectation of a function of the hidden state, given the data.

        :math:`E[g(\theta, z_i, x_i) \mid x_i]` of each row, by its responsibilities; of each step
        of a chain, or node of a tree, given all data of its sequence.

        Args:
            data: Rows, or sequences, of the declared form.
            function: ``g(params, z, x)``, in JAX, which returns any pytree of arrays; ``z`` and
                ``x`` are what the log joint gets. Of chains and trees it may take what their log
                joint takes, ``g(params, z_prev, z, x)``, with None at a start.
            lengths: For a chain, the steps of each sequence, (n,); past an end there are zeros.

        Returns:
            The same pytree, leaves (n, ...), or (n, T, ...).

        Raises:
            DeclarationError: If the function cannot be called like this, or the data not be read.
        """
        bound, e_step = self.bind(data, lengths), self.algorithm.e_step
        branches = expecting.branches_of(bound, function)
        name = "expect", function, len(branches), e_step
        if bound.sequences is None:
            reading = expecting.expected_of_rows(e_step, function, branches)
            return self._by_row(bound, name, reading)
        reading = expecting.expected_of_steps(e_step, function, branches)
        found = decoding.decode_rows(bound, self.params, self.plan, name, reading)
        return jax.tree.map(lambda leaf: _until_ends(leaf, bound, 0), found)

    def log_density(self, data: Data, *, lengths: Any = None) -> Array:
        """Log evidence of each row, or of each sequence, (n,): its log density."""
        bound, e_step = self.bind(data, lengths), self.algorithm.e_step
        if bound.sequences is not None:
            return self._read(bound, "evidence", decoding.evidence(e_step))
        return self._by_row(bound, ("log_density", e_step), posterior_of_rows(e_step, 0))

    def viterbi(self, data: Data, *, lengths: Any = None) -> tuple[State, Array]:
        """Of a chain, the most probable path of each sequence and its log joint.

        Args:
            data: Leaves (sequence, time, ...).
            lengths: Steps of each sequence, (n,).

        Returns:
            States as `predict` gives them; and log joints of path and data, (n,), -inf for a
            sequence that no path can make.

        Raises:
            DeclarationError: If the latent structure is no chain, or the data cannot be read.
        """
        bound = self.bind(data, lengths)
        states = _named(bound, self._read(bound, "path", decoding.path, fill=-1))
        return states, self._read(bound, "path value", decoding.path_value)

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
        sums = self._read(self.bind(longer, until), "totals", forecasting.totals)
        forecasting.check_totals(np.asarray(sums)[which, places - 1])
        return self.filtered(longer, lengths=until)[which, places]

    def filtered(self, data: Data, *, lengths: Any = None) -> Array:
        """Of a chain, the posterior of each state given the data up to it, (n, T, S)."""
        bound = self.bind(data, lengths)
        if isinstance(bound.model.latent, Tree):
            raise DeclarationError(
                f"{self.model!r} has no order of time to filter along; responsibilities(data) "
                f"gives every state given all data."
            )
        return self._read(bound, "filtered", decoding.filtered)

    def pairwise(self, data: Data, *, lengths: Any = None) -> Array:
        """Of a chain, the posterior of each state and the next, (n, T - 1, S, S).

        Of a tree, of the parent's state and each node's own, for all nodes but the root.
        """
        reading = decoding.pairs(self.algorithm.e_step)
        return self._read(self.bind(data, lengths), "pairs", reading)

    def sample_paths(
        self, data: Data, *, draws: int = 1, key: Any = 0, lengths: Any = None
    ) -> State:
        """Of a chain, paths drawn from their posterior, (draws, n, T); -1 past an end.

        Of named parts a dictionary, as `predict` gives it.

        Args:
            data: Leaves (sequence, time, ...).
            draws: How many.
            key: An int or a JAX key.
            lengths: Steps of each sequence, (n,).
        """
        bound, reading = self.bind(data, lengths), decoding.drawn_paths(draws)
        drawn = self._read(bound, ("draws", draws), reading, fill=-1, key=key)
        return _named(bound, jnp.moveaxis(drawn, -1, 0))

    def bind(self, data: Data, lengths: Any = None) -> Bound:
        """The model and the rows of data of the declared form."""
        if self.model is None:
            raise DeclarationError(
                "this fit was loaded without its model; give it with jaxem.load(path, model)."
            )
        return bind_steps(self.model, data, lengths)

    def compile(self, key: Any, function: Any) -> Any:
        """The compiled form of a function, kept with the plan where there is one."""
        return self.plan.program(key, function) if self.plan else jax.jit(plain(function))

    def _read(self, bound: Bound, name: Any, reading: Any, fill: int = 0, key: Any = 0) -> Array:
        name = name, self.algorithm.e_step
        values = decoding.decode(bound, self.params, self.plan, name, reading, key)
        return _until_ends(values, bound, fill)

    def _by_row(self, bound: Bound, name: Any, reading: Any) -> Any:
        """Something read off every row, leaves (n, ...), a block at a time."""
        model, count = bound.model, row_count(bound.rows)
        check_call(model, take_rows(bound.rows, 0))
        batch = make_batch(bound.rows, np.ones(count), block_size(count, model.latent.cells))

        def of_all(values, blocks):
            return jax.lax.map(lambda rows: reading(model, values, rows), blocks)

        found = self.compile(("by row", name), of_all)(model.flatten(self.params), batch.rows)
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], found)


def posterior_of_rows(e_step: EStep, part: int) -> Any:
    """Log evidence of each row of a block, (n,), or with 1 its responsibilities, (n, K)."""

    def read(model: Model, values: Any, rows: Data) -> Array:
        return e_step.posterior(model.latent, model.table(values, rows))[part]

    return read


def mode_of_rows(model: Model, values: Any, rows: Data) -> Array:
    """Index of the most probable joint state of each row of a block, (n,)."""
    return model.latent.mode(model.table(values, rows))


def _until_ends(values: np.ndarray, bound: Bound, fill: int) -> Array:
    """Arrays (n, T, ...), or (n, T - 1, ...), with this number past the ends of sequences."""
    if values.ndim == 1 or bound.sequences is None:
        return jnp.asarray(values)
    exists = bound.sequences.exists[:, bound.sequences.horizon - values.shape[1] :]
    exists = exists.reshape(*exists.shape, *[1] * (values.ndim - 2))
    return jnp.asarray(np.where(exists, values, fill))


def _named(bound: Bound, index: Array) -> State:
    """States as the declaration has them, from indices of joint ones; -1 stays."""
    of_parts = bound.model.latent.states()
    return jax.tree.map(lambda part: jnp.where(index < 0, -1, jnp.asarray(part)[index]), of_parts)
