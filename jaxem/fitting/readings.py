"""What a fitted model says of data: of each row, of each step of a sequence, of steps to come."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.fitting import decoding, expecting, forecasting
from jaxem.fitting.by_row import RowReading, by_row, drawn_of_rows, mode_of_rows, posterior_of_rows
from jaxem.fitting.expecting import Wanted
from jaxem.latent import Tree
from jaxem.model.binding import Bound, Declaration, bind_steps
from jaxem.model.indices import check_indices
from jaxem.numerics.keys import as_key
from jaxem.numerics.plain import plain
from jaxem.simulation import Sampler, Simulation, simulate
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
        bound, e_step = self._checked(data, lengths), self.algorithm.e_step
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
        bound = self._checked(data, lengths)
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
        bound, e_step = self._checked(data, lengths), self.algorithm.e_step
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
        bound, e_step = self._checked(data, lengths), self.algorithm.e_step
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
        bound = self._checked(data, lengths)
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
        bound, filtered = self._checked(data, lengths), self.filtered(data, lengths=lengths)
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
        sums = self._read(self._checked(longer, until), "totals", forecasting.totals)
        forecasting.check_totals(np.asarray(sums)[which, places - 1])
        return self.filtered(longer, lengths=until)[which, places]

    def filtered(self, data: Data, *, lengths: Any = None) -> Array:
        """Of a chain, the posterior of each state given the data up to it, (n, T, S)."""
        bound = self._checked(data, lengths)
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
        return self._read(self._checked(data, lengths), "pairs", reading)

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
        bound, reading = self._checked(data, lengths), decoding.drawn_paths(draws)
        drawn = self._read(bound, ("draws", draws), reading, fill=-1, key=key)
        return _named(bound, jnp.moveaxis(drawn, -1, 0))

    def simulate(
        self,
        data: Data,
        sampler: Sampler | None = None,
        *,
        draws: int = 1,
        key: Any = 0,
        lengths: Any = None,
    ) -> Simulation:
        r"""Draw data sets, with their hidden states, from the fitted model.

        A NumPyro program is run forward at the fitted parameters. A declared log joint says how
        probable data are, not how to draw them, and needs a sampler of :math:`p(x \mid \theta)`;
        the states then follow from their posterior, :math:`p(z \mid x, \theta)`, and both
        together are draws from the joint.

        Args:
            data: Data in whose place others are drawn: their number, their form, the lengths of
                sequences, and covariates.
            sampler: ``sampler(params, key, x)``, in JAX, which draws one unit in the place of the
                unit x: a row; of a chain a sequence, leaves (T, ...); of a tree a datum, (N, ...).
                What stands past the end of a sequence is not read. Left out of a program.
            draws: How many data sets.
            key: An int or a JAX key.
            lengths: For a chain, the steps of each sequence, (n,), which are kept.

        Returns:
            The data sets in the form of the data, and their hidden states.

        Raises:
            DeclarationError: If nothing can be drawn, or what is drawn has another form.
        """
        bound = self._checked(data, lengths)
        drawn = simulate(
            bound,
            data,
            self.params,
            sampler,
            what="simulation",
            compile=self.compile,
            draws=draws,
            key=key,
        )
        if drawn.latents is not None:
            return drawn
        every = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), drawn.data)
        ends = None if drawn.lengths is None else np.tile(drawn.lengths, draws)
        many = self._checked(every, ends)
        states = _named(many, self._draw_states(many, key))
        latents = jax.tree.map(
            lambda leaf: np.asarray(leaf.reshape(draws, -1, *leaf.shape[1:])), states
        )
        return dataclasses.replace(drawn, latents=latents)

    def _draw_states(self, bound: Bound, key: Any) -> Array:
        """Indices of joint states drawn from their posterior, (n,) or (n, T)."""
        own = jax.random.fold_in(as_key(key), 1)
        if bound.sequences is None:
            return self._by_row(bound, "drawn", drawn_of_rows, own)
        reading = decoding.drawn_paths(1)
        return self._read(bound, ("draws", 1), reading, fill=-1, key=own)[..., 0]

    def bound(self, data: Data, lengths: Any = None) -> Bound:
        """The model and the rows of data of the declared form."""
        if self.model is None:
            raise DeclarationError(
                "this fit was loaded without its model; give it with jaxem.load(path, model)."
            )
        return bind_steps(self.model, data, lengths)

    def _checked(self, data: Data, lengths: Any = None) -> Bound:
        """`bound`, where every row is read and so must have codes in range."""
        bound = self.bound(data, lengths)
        check_indices(bound.model, bound.rows)
        return bound

    def compile(self, key: Any, function: Any) -> Any:
        """The compiled form of a function, kept with the plan under the key where there is one."""
        if self.plan is None or key is None:
            return jax.jit(plain(function))
        return self.plan.program(key, function)

    def _read(self, bound: Bound, name: Any, reading: Any, fill: int = 0, key: Any = 0) -> Array:
        name = name, self.algorithm.e_step
        values = decoding.decode(bound, self.params, self.plan, name, reading, key)
        return _until_ends(values, bound, fill)

    def _by_row(self, bound: Bound, name: Any, reading: RowReading, key: Any = 0) -> Any:
        values = bound.model.flatten(self.params)
        return by_row(bound, values, reading, key, lambda f: self.compile(("by row", name), f))


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
