"""Simulation of data by a NumPyro program at given parameters: the program run forward.

The observed sites of the data are sampled instead of observed, and the draws are put into the
arguments that the sites observe. Which entries of which argument these are is found by running the
program with numbered entries.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro import handlers

from jaxem.model.prior import base_of
from jaxem.numerics.keys import as_key
from jaxem.programs.arguments import read_arguments
from jaxem.programs.program import ProgramModel
from jaxem.programs.run import TRACER_ERRORS, run
from jaxem.traces.dependence import evaluate
from jaxem.types import Array, Data, DeclarationError, Params


class Drawn(NamedTuple):
    """Draws of a program.

    Attributes:
        observed: Values of the observed sites of the data, leaves (draws, ...).
        latents: Values of the hidden discrete sites, leaves (draws, ...).
        joint: Log density of both given the parameters, (draws,).
    """

    observed: dict[str, Any]
    latents: dict[str, Any]
    joint: Any


class Simulator:
    """Simulates data sets of the form of given data.

    Args:
        model: The program as a model.
        data: Its data.

    Raises:
        DeclarationError: If the program has a factor without a sampler, or the data are not its
            arguments.
    """

    def __init__(self, model: ProgramModel, data: Data):
        self._anatomy, self._data = model.datum.anatomy, data
        source = model.source
        self._constants = frozenset(source.constants)
        self._arguments = read_arguments(source.program, source.constants, data)
        sites = run(self._arguments.call(), {}).sites
        self._observed = tuple(n for n in sites if n in self._anatomy.inner and sites[n].observed)
        for name in self._observed:
            if isinstance(base_of(sites[name].fn), dist.Unit):
                raise DeclarationError(
                    f"the program has the factor {name!r}, which says how probable data are, and "
                    f"not how to draw them. Write it as numpyro.sample(..., obs=...)."
                )
        self._latents = tuple(s.name for s in (*self._anatomy.first, *self._anatomy.discrete))
        values = {name: np.asarray(sites[name].value) for name in self._observed}
        self._origins = self._find_origins(values)

    def draw(
        self, params: Params, draws: int, key: Any, stacked: bool, compile: Callable[..., Any]
    ) -> Drawn:
        """Run the program forward `draws` times.

        Args:
            params: Parameters by site; stacked over draws if ``stacked``.
            draws: Number of runs.
            key: An int or a JAX key.
            stacked: Whether every draw has parameters of its own.
            compile: From a name, or None, and a function to its compiled form.

        Raises:
            DeclarationError: If a site cannot be sampled, or what was drawn would not be data of
                the model.
        """
        values = {s.name: jnp.asarray(params[s.name]) for s in self._anatomy.parameters}
        keys = jax.random.split(as_key(key), draws)

        def every(values, keys):
            if stacked:
                return jax.lax.map(lambda one: self._run(*one), (values, keys))
            return jax.lax.map(lambda one: self._run(values, one), keys)

        try:
            drawn = jax.tree.map(np.asarray, compile(None, every)(values, keys))
        except (NotImplementedError, *TRACER_ERRORS) as error:
            lines = str(error).strip().splitlines() or ["no message"]
            raise DeclarationError(
                f"the program cannot be run forward: {type(error).__name__}: {lines[0]}."
            ) from error
        first = {k: v[0] for k, v in values.items()} if stacked else values
        self._check(first, jax.tree.map(lambda leaf: leaf[0], drawn))
        return drawn

    def data(self, observed: Mapping[str, np.ndarray], as_drawn: Callable[..., Any]) -> Data:
        """Data sets in the form of the data, leaves (draws, ...), from values of observed sites.

        Args:
            observed: `Drawn.observed`.
            as_drawn: Values in the type of an array, by its name.
        """
        draws = len(next(iter(observed.values())))
        leaves = [
            np.broadcast_to(leaf, (draws, *leaf.shape)) if isinstance(leaf, np.ndarray) else leaf
            for leaf in self._arguments.leaves
        ]
        for name, (place, entries) in self._origins.items():
            old: Any = self._arguments.leaves[place]
            flat = np.array(leaves[place]).reshape(draws, -1)
            new = as_drawn(observed[name], old, f"the observed site {name!r}")
            flat[:, entries.ravel()] = new.reshape(draws, -1)
            leaves[place] = flat.reshape(draws, *old.shape)
        values = self._arguments.with_leaves(leaves)
        given = {name: value for name, value in values.items() if name not in self._constants}
        return given if isinstance(self._data, Mapping) else next(iter(given.values()))

    def _run(self, values: Mapping[str, Any], key: Array) -> Drawn:
        given = handlers.substitute(data=dict(values))
        anew = _Anew(frozenset(self._observed))
        with handlers.block(), handlers.seed(rng_seed=key), handlers.trace() as trace, given, anew:
            self._arguments.call()()
        inner = [trace[n] for n in trace if n in self._anatomy.inner]
        joint = sum((jnp.sum(m["fn"].log_prob(m["value"])) for m in inner), jnp.zeros(()))
        observed = {name: trace[name]["value"] for name in self._observed}
        return Drawn(observed, {name: trace[name]["value"] for name in self._latents}, joint)

    def _check(self, values: Mapping[str, Any], one: Drawn) -> None:
        """Check that the program observes the draws in the new data, with the same log density.

        Raises:
            DeclarationError: If it does not.
        """
        stacked = {name: value[None] for name, value in one.observed.items()}
        new = self.data(stacked, lambda value, old, name: value)
        single = jax.tree.map(lambda leaf: leaf[0] if isinstance(leaf, np.ndarray) else leaf, new)
        constants = {name: self._arguments.values[name] for name in self._constants}
        again = read_arguments(self._arguments.program, constants, single)
        latents = jax.tree.map(jnp.asarray, one.latents)
        sites = run(again.call(), {**values, **latents}).sites
        inner = [sites[name].log_density() for name in sites if name in self._anatomy.inner]
        joint = float(sum(jnp.sum(density) for density in inner))
        eps = float(jnp.finfo(jnp.result_type(float)).eps)
        same = all(
            np.array_equal(np.asarray(sites[name].value), value, equal_nan=True)
            for name, value in one.observed.items()
        )
        if not same or not abs(joint - one.joint) <= 1e4 * eps * (1 + abs(joint)):
            raise DeclarationError(
                f"data that the program drew have log density {joint:.6g} under it with their "
                f"hidden states, and were drawn with {float(one.joint):.6g}: what is observed is "
                f"read elsewhere in the program as well. Where a later step depends on the datum "
                f"of an earlier one, carry what numpyro.sample returns, not the argument."
            )

    def _find_origins(self, values: Mapping[str, np.ndarray]) -> dict[str, tuple[int, np.ndarray]]:
        """For each observed site, the argument that its value is in, by place, and the entries.

        Raises:
            DeclarationError: If a value is computed from arguments.
        """
        leaves, found = self._arguments.leaves, {}
        arrays = {i: leaf for i, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)}
        for name, value in values.items():
            same = [i for i, leaf in arrays.items() if np.array_equal(leaf, value)]
            if len(same) == 1:
                found[name] = same[0], np.arange(value.size).reshape(value.shape)
        for place, leaf in arrays.items():
            unknown = tuple(name for name in values if name not in found)
            if unknown:
                found |= {n: (place, at) for n, at in self._entries(place, leaf, unknown).items()}
        for name in values:
            if name not in found:
                raise DeclarationError(
                    f"the observed site {name!r} is no argument of the program, nor a part of one: "
                    f"its value is computed, and what is drawn cannot be put where data were. "
                    f"Compute it before, and pass it as an argument of its own."
                )
        return found

    def _entries(
        self, place: int, leaf: np.ndarray, names: tuple[str, ...]
    ) -> dict[str, np.ndarray]:
        """For sites whose values are entries of a leaf, the indices of these entries."""
        if leaf.size == 0:
            return {}

        def values(numbered):
            leaves = list(self._arguments.leaves)
            leaves[place] = numbered
            sites = run(self._arguments.call(leaves), {}).sites
            return [jnp.asarray(sites[name].value) for name in names]

        kind = jnp.result_type(float) if leaf.dtype.kind == "f" else jnp.int32
        numbers = np.arange(leaf.size).reshape(leaf.shape)
        try:
            closed = jax.make_jaxpr(values)(jnp.asarray(numbers, kind))
        except TRACER_ERRORS:
            return {}
        one, other = (
            evaluate(closed.jaxpr, closed.consts, [jnp.asarray(n, kind)])
            for n in (numbers, numbers + leaf.size)
        )
        out = {}
        for name, a, b in zip(names, map(np.asarray, one), map(np.asarray, other), strict=True):
            moved = a.size > 0 and np.all(b - a == leaf.size) and np.all((a >= 0) & (a < leaf.size))
            if moved and np.all(a == np.round(a)) and len(np.unique(a)) == a.size:
                out[name] = a.astype(int)
        return out


class _Anew(handlers.uncondition):
    """Handler that samples observed sites, inside scans too; plates have their full size."""

    def __init__(self, names: Collection[str]):
        super().__init__()
        self.names = names

    def process_message(self, msg: Any) -> None:
        if msg["type"] == "plate":
            size = int(msg["args"][0])
            msg["args"], msg["value"] = (size, None), jnp.arange(size)
        elif msg["type"] == "control_flow":
            body, *rest = msg["args"]
            msg["args"] = (self._inside(body), *rest)
        elif msg["type"] == "sample" and msg["name"] in self.names:
            super().process_message(msg)

    def _inside(self, body: Callable[..., Any]) -> Callable[..., Any]:
        """The body of a scan under this handler."""

        def anew(carry: Any, inputs: Any) -> Any:
            with _Anew(self.names):
                after, found = body(carry, inputs)
            # A state is drawn as the flag's int, and may have begun as another.
            kept = jax.tree.map(
                lambda new, old: jnp.asarray(new, jnp.result_type(old)), after, carry
            )
            return kept, found

        return anew
