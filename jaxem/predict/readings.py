"""Predictions of a fitted model for data: rows, steps of sequences, and future steps."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxem.algebra.plan import Plan
from jaxem.algorithm import Algorithm
from jaxem.compiled.programs import Programs
from jaxem.model.binding import Bound, Declaration, bind_steps
from jaxem.model.indices import check_indices
from jaxem.numerics.keys import as_key
from jaxem.predict import decoding, expecting, forecasting
from jaxem.predict.by_row import RowReading, by_row, drawn_of_rows, mode_of_rows, posterior_of_rows
from jaxem.predict.expecting import Wanted
from jaxem.predict.impossible import blanked, tell
from jaxem.simulation import Sampler, Simulation, simulate
from jaxem.types import Array, Data, DeclarationError, Params, State


class Readings:
    """Base of fits: a model with parameters, and its predictions for any data of its form."""

    model: Declaration | None
    params: Params
    plan: Plan | None
    algorithm: Algorithm

    def responsibilities(self, data: Data, *, lengths: Any = None) -> Float[Array, "n *steps K"]:
        """Posterior of the latent states of each row, (n, K).

        Of a chain, of each step, (n, T, S); of a tree, of each node, (n, N, S).

        Args:
            data: Rows, or sequences, of the declared form.
            lengths: For a chain, the steps of each sequence, (n,); past an end there are zeros.

        Raises:
            DeclarationError: If the data cannot be read, or the fit was loaded without a model.
        """
        bound, e_step = self.checked(data, lengths), self.algorithm.e_step
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
        bound = self.checked(data, lengths)
        if bound.sequences is not None:
            return _named(bound, self._read(bound, "path", decoding.path, fill=-1))
        return _named(bound, self._by_row(bound, "mode", mode_of_rows))

    def expect(
        self, data: Data, function: Wanted, *, states: Any = None, lengths: Any = None
    ) -> Any:
        r"""Conditional expectation of a function of the hidden state, given the data.

        :math:`E[g(\theta, z_i, x_i) \mid x_i]` of each row, by its responsibilities; of each step
        of a chain, or node of a tree, given all data of its sequence. It is conditional on *all*
        of :math:`x_i`: a response that is to be predicted must not be in the data, nor a number in
        its place. With ``states`` nothing is conditioned on, and the response may be left out.

        Args:
            data: Rows, or sequences, of the declared form.
            function: ``g(params, z, x)``, in JAX, which returns any pytree of arrays; ``z`` and
                ``x`` are those of the log joint. For chains and trees it may have the arguments of
                their log joint, ``g(params, z_prev, z, x)``, with None at a start.
            states: Probabilities of the states in place of their posterior: (K,), such as the
                weights of a mixture, or one for each row, (n, K); of a chain (n, T, S), such as a
                `forecast`. The data then need only the entries that the function reads.
            lengths: For a chain, the steps of each sequence, (n,); past an end there are zeros.

        Returns:
            The same pytree, leaves (n, ...), or (n, T, ...).

        Raises:
            DeclarationError: If the function cannot be called like this, or the data not be read.
        """
        if states is not None:
            return expecting.expected_under(self, data, function, states, lengths)
        bound, e_step = self.checked(data, lengths), self.algorithm.e_step
        branches = expecting.branches_of(bound, function)
        name = "expect", function, len(branches), e_step
        if bound.sequences is None:
            reading = expecting.expected_of_rows(e_step, function, branches)
            return self._by_row(bound, name, reading)
        reading = expecting.expected_of_steps(e_step, function, branches)
        found = decoding.decode_rows(bound, self.params, self.compile, name, reading)
        shaped = jax.tree.map(lambda leaf: decoding.until_ends(leaf, bound, 0), found[0])
        return blanked(shaped, tell(bound, found[1]))

    def log_density(self, data: Data, *, lengths: Any = None) -> Float[Array, " n"]:
        """Log density of each row or sequence, (n,); -inf, with a warning, where impossible."""
        bound, e_step = self.checked(data, lengths), self.algorithm.e_step
        if bound.sequences is not None:
            return self._read(bound, "evidence", decoding.evidence(e_step), blank=False)
        reading = posterior_of_rows(e_step, 0)
        return self._by_row(bound, ("log_density", e_step), reading, blank=False)

    def viterbi(self, data: Data, *, lengths: Any = None) -> tuple[State, Float[Array, " n"]]:
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
        bound = self.checked(data, lengths)
        states = _named(bound, self._read(bound, "path", decoding.path, fill=-1))
        name = "path value", self.algorithm.e_step
        value = decoding.decode(bound, self.params, self.compile, name, decoding.path_value)[0]
        return states, jnp.asarray(value)

    def forecast(
        self, data: Data, steps: int | None = None, *, future: Data = None, lengths: Any = None
    ) -> Float[Array, "n k K"]:
        """Of a chain, probabilities of the states of future steps given the data, (n, k, S).

        The transition is found from the log joint, where that is possible. If transitions depend
        on inputs, the inputs of the future steps are needed.

        Args:
            data: Leaves (sequence, time, ...).
            steps: Number of steps after the end of each sequence, k.
            future: Or these steps as data, leaves (sequence, k, ...): a dictionary without the
                unknown entries, such as the response; or with all entries and a mask by which the
                log joint leaves out unknown ones.
            lengths: Steps of each sequence, (n,).

        Raises:
            DeclarationError: If the latent structure is no chain, if the transition cannot be found
                without ``future``, or if the log joint with it is more than the transition.
        """
        return jnp.asarray(forecasting.forecast(self, data, steps, future, lengths))

    def filtered(self, data: Data, *, lengths: Any = None) -> Float[Array, "n T K"]:
        """Of a chain, the posterior of each state given the data up to it, (n, T, S)."""
        bound = self.checked(data, lengths)
        forecasting.check_chain(bound)
        return self._read(bound, "filtered", decoding.filtered)

    def pairwise(self, data: Data, *, lengths: Any = None) -> Float[Array, "n later K K"]:
        """Of a chain, the posterior of each state and the next, (n, T - 1, S, S).

        Of a tree, of the parent's state and each node's own, for all nodes but the root.
        """
        reading = decoding.pairs(self.algorithm.e_step)
        return self._read(self.checked(data, lengths), "pairs", reading)

    def sample_paths(
        self, data: Data, *, draws: int = 1, key: Any = 0, lengths: Any = None
    ) -> State:
        """Of a chain, paths drawn from their posterior, (draws, n, T); -1 past an end.

        Of named parts a dictionary, as `predict` gives it.

        Args:
            data: Leaves (sequence, time, ...).
            draws: Number of paths for each sequence.
            key: An int or a JAX key.
            lengths: Steps of each sequence, (n,).
        """
        bound, reading = self.checked(data, lengths), decoding.drawn_paths(draws)
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

        A NumPyro program is run forward at the fitted parameters. A declared log joint is a density
        without a sampler, and needs one of :math:`p(x \mid \theta)`; the states are then drawn from
        their posterior, :math:`p(z \mid x, \theta)`, and both together are draws from the joint.

        Args:
            data: Data that give the number of rows, their form, the lengths of sequences, and
                covariates.
            sampler: ``sampler(params, key, x)``, in JAX, which draws one unit in the place of the
                unit x: a row; of a chain a sequence, leaves (T, ...); of a tree a datum, (N, ...).
                Values past the end of a sequence are not read. None for a program.
            draws: Number of data sets.
            key: An int or a JAX key.
            lengths: For a chain, the steps of each sequence, (n,), which are kept.

        Returns:
            The data sets in the form of the data, and their hidden states.

        Raises:
            DeclarationError: If nothing can be drawn, or what is drawn has another form.
        """
        bound = self.checked(data, lengths)
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
        many = self.checked(every, ends)
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

    def checked(self, data: Data, lengths: Any = None) -> Bound:
        """`bound`, with a check of all indices in the log joint."""
        bound = self.bound(data, lengths)
        check_indices(bound.model, bound.rows, bound.starts)
        return bound

    def compile(self, key: Any, function: Any, inside: bool = False, brief: bool = False) -> Any:
        """The compiled program of a function, cached under the key, if any; see `Programs`."""
        programs = Programs() if key is None else self.programs
        return programs.compiled(key, function, inside, brief)

    @functools.cached_property
    def programs(self) -> Programs:
        """The compiled programs of the plan, if there is one, else of this object."""
        return Programs() if self.plan is None else self.plan.programs

    def _read(
        self,
        bound: Bound,
        name: Any,
        reading: Any,
        fill: int = 0,
        key: Any = 0,
        blank: bool = True,
    ) -> Array:
        name = name, self.algorithm.e_step
        found, evidence = decoding.decode(bound, self.params, self.compile, name, reading, key)
        bad = tell(bound, evidence)
        return blanked(decoding.until_ends(found, bound, fill), bad & blank)

    def _by_row(
        self, bound: Bound, name: Any, reading: RowReading, key: Any = 0, blank: bool = True
    ) -> Any:
        values = bound.model.flatten(self.params)
        compile = functools.partial(self.compile, ("by row", name))
        found, evidence = by_row(bound, values, reading, key, compile)
        return blanked(found, tell(bound, evidence) & blank)


def _named(bound: Bound, index: Array) -> State:
    """States in the declared form, from indices of joint states; -1 is unchanged."""
    of_parts = bound.model.latent.states()
    return jax.tree.map(lambda part: jnp.where(index < 0, -1, jnp.asarray(part)[index]), of_parts)
