"""A model: the log joint of one row and its latent state, and a prior for every parameter."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro

from jaxem.latent import Latent, Markov
from jaxem.latent.links import dense_links
from jaxem.model.arrays import as_given
from jaxem.model.copied import Copied
from jaxem.model.prior import Parameter
from jaxem.model.reading import read_prior
from jaxem.model.signature import check_signature
from jaxem.model.tied import Tied, check_ties, nest
from jaxem.numerics.logspace import weighted
from jaxem.numerics.rows import time_first
from jaxem.traces.bounds import Reads
from jaxem.traces.rewrite import passes
from jaxem.traces.slopes import Slopes
from jaxem.traces.traced import Traced
from jaxem.types import Array, Data, DeclarationError, LogJoint, Params


class Model(Copied):
    r"""A declared model.

    Args:
        log_joint: ``log_joint(params, z, x)``, the scalar :math:`\log p(x, z \mid \theta)` of one
            row ``x`` of the data and one latent state ``z``, written in JAX. For a chain it is
            ``log_joint(params, z_prev, z, x)``, of one step given the state before it, and
            ``z_prev`` is None at the start; for a tree the same of a node and its parent.
        latent: The latent structure: ``Finite(3)``, ``Chain(3)`` or ``Tree(parents, 3)``.
        prior: A dictionary, nested or not, with one NumPyro distribution a parameter. It gives
            support, shape and density. ``jaxem.flat`` is maximum likelihood; ``dist.Delta``
            fixes. An entry may be a function of the parameters that returns a distribution, for
            priors that depend on one another (normal-inverse-Wishart, hierarchies); one that
            returns a ``dist.Delta`` ties its parameter to the others.
        factor: A function of the parameters whose scalar value is added to the log prior: what is
            known of several of them together, or observed of them apart from the rows.

    Attributes:
        parameters: The parameters with values of their own, in the order of the prior.
        tied: The parameters that are functions of these.

    Raises:
        DeclarationError: If a part has the wrong kind.
    """

    def __init__(
        self,
        log_joint: LogJoint,
        latent: Latent,
        prior: Mapping[str, Any],
        *,
        factor: Callable[[Params], Array] | None = None,
    ):
        if not callable(log_joint):
            raise DeclarationError(
                f"log_joint must be a function log_joint(params, z, x); got "
                f"{type(log_joint).__name__}."
            )
        if not isinstance(latent, Latent):
            raise DeclarationError(
                f"latent must be a latent structure such as jaxem.Finite(3); got {latent!r}."
            )
        check_signature(log_joint, latent)
        if factor is not None and not callable(factor):
            raise DeclarationError(
                f"factor must be a function of the parameters, or None; got {factor!r}."
            )
        self.log_joint, self.latent, self.factor = log_joint, latent, factor
        self.parameters: tuple[Parameter, ...]
        self.tied: tuple[Tied, ...]
        self.parameters, self.tied = read_prior(prior)
        self._forget()

    def _forget(self) -> None:
        """Reset plans and traces."""
        self.known: dict[Any, Any] = {}
        self._joint = Traced(self._call_joint)
        self._prior = Traced(self._call_prior, zero_times_infinity=True)
        self._expected = Slopes(self._weigh_table)

    def bind(self, data: Data) -> tuple["Model", Data]:
        """This model, and the given data as its rows."""
        return self, data

    @property
    def free(self) -> tuple[Parameter, ...]:
        """The parameters that are estimated."""
        return tuple(p for p in self.parameters if p.fixed is None)

    @property
    def fixed(self) -> dict[str, np.ndarray]:
        """Values of the parameters that their priors fix, by dotted name."""
        return {p.name: p.fixed for p in self.parameters if p.fixed is not None}

    @property
    def traces(self) -> int:
        """How many times the log joint has been traced."""
        return self._joint.traces

    def parameter(self, name: str) -> Parameter:
        """The parameter of this dotted name."""
        return next(p for p in self.parameters if p.name == name)

    def nest(self, values: Mapping[str, Any]) -> Params:
        """The nested dictionary of parameters as declared, from values by dotted name."""
        return nest(values, self.parameters, self.tied)

    def flatten(self, params: Params) -> dict[str, Array]:
        """Values by dotted name, in the flag's float type, from parameters nested as declared."""
        out = {}
        for parameter in self.parameters:
            value: Any = params
            for key in parameter.path:
                if not isinstance(value, Mapping) or key not in value:
                    raise DeclarationError(f"params lacks parameter {parameter.name!r}.")
                value = value[key]
            out[parameter.name] = jnp.asarray(value, jnp.result_type(float))
            if out[parameter.name].shape != parameter.shape:
                raise DeclarationError(
                    f"params[{parameter.name!r}] has shape {out[parameter.name].shape}; expected "
                    f"{parameter.shape}."
                )
        check_ties(out, params, self.parameters, self.tied, "params")
        return out

    def log_factors(self, params: Params, data: Data) -> Array:
        """The log joint of every row at every latent state, shape (n, K).

        Of a chain, the rows are steps; the S states of a start come first, then the S^2 pairs of
        the state before and the state.
        """
        return self.table(self.flatten(params), as_given(data))

    def log_prior(self, params: Params) -> Array:
        """Log density of the prior, a scalar, with respect to the constrained parameters."""
        return self.prior_density(self.flatten(params))

    def log_likelihood(
        self,
        params: Params,
        data: Data,
        weights: Array | None = None,
        *,
        lengths: Array | None = None,
    ) -> Array:
        """Log likelihood of the data, a scalar; rows, or sequences, of weight zero are left out.

        Args:
            params: Parameters, nested as declared.
            data: Rows; for a chain, leaves (sequence, time, ...).
            weights: One a row or sequence, (n,).
            lengths: For a chain, the steps of each sequence, (n,); all if left out.
        """
        evidence = self.latent.log_partition(
            self.factors(self.flatten(params), as_given(data), lengths)
        )
        if weights is None:
            return evidence.sum()
        return weighted(evidence, weights).sum()

    def factors(self, values: Mapping[str, Array], data: Data, lengths: Array | None) -> Any:
        """The factors that the latent structure takes: a table (n, K), or the links of a chain."""
        if not isinstance(self.latent, Markov):
            return self.table(values, data)
        count, horizon = jax.tree.leaves(data)[0].shape[:2]
        rows = jax.tree.map(lambda leaf: time_first(jnp.asarray(leaf)), data)
        ends = jnp.full(count, horizon) if lengths is None else jnp.asarray(lengths)
        valid = jnp.arange(1, horizon)[:, None] < ends
        return dense_links(self.table(values, rows), valid, self.latent.size)

    def table(self, values: Mapping[str, Array], rows: Data) -> Array:
        """`log_factors` at parameters by dotted name, (n, configurations).

        Entries of -inf have derivative zero.
        """
        parts = self.over_configurations([self._joint] * len(self.latent.branches()), values, rows)
        table = parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=1)
        return jnp.where(table == -jnp.inf, -jnp.inf, table)

    def expected(self, values: Mapping[str, Array], rows: Data, responsibilities: Array) -> Array:
        """Sum of the log joint over rows and states, weighted by responsibilities, a scalar.

        Args:
            values: Parameters by dotted name.
            rows: Rows, leaves (n, ...).
            responsibilities: Shape (n, K); an entry of zero leaves out its log joint, even -inf.
        """
        return self._expected(values, rows, responsibilities)

    def indexed(self, values: Mapping[str, Any], row: Data) -> list[Reads]:
        """For each branch, the reads of arrays at an index in the log joint."""
        return [self._joint.indexed(dict(values), *z, row) for z in self._first_states()]

    def over_configurations(
        self, functions: Sequence[Callable[..., Array]], values: Mapping[str, Any], rows: Data
    ) -> list[Array]:
        """For each branch a function of state and datum at every configuration, (n, C, ...).

        Each argument is mapped over its own axis (nested vmap), so that an intermediate result of
        few arguments is computed on these axes only.

        Args:
            functions: One a branch, called as the log joint with values by dotted name.
            values: Parameters by dotted name.
            rows: Rows, leaves (n, ...).
        """
        # A batched call with a derivative of its own takes no array of NumPy.
        rows = jax.tree.map(lambda a: jax.device_put(a) if isinstance(a, np.ndarray) else a, rows)
        parts = []
        for branch, function in zip(self.latent.branches(), functions, strict=True):
            axes_of = [place for place in range(len(branch)) if branch[place] is not None]

            def one(*args, branch=branch, function=function, axes_of=axes_of):
                of_states = function
                for place in reversed(axes_of):
                    axes: list[int | None] = [None] * (len(branch) + 2)
                    axes[1 + place] = 0
                    of_states = jax.vmap(of_states, axes)
                out = of_states(dict(values), *branch, *args)
                configurations, each = out.shape[: len(axes_of)], out.shape[len(axes_of) :]
                return out.reshape(math.prod(configurations), *each)

            parts.append(jax.vmap(one)(rows))
        return parts

    def prior_density(self, values: Mapping[str, Array]) -> Array:
        """`log_prior` at parameters by dotted name, with zero times infinity as zero.

        ``Dirichlet(1)`` is then flat at a vertex of the simplex too.
        """
        return self._prior(dict(values))

    def prior_passes(self, names: Collection[str], primitives: Collection[str]) -> bool:
        """Whether one of these primitives lies between some parameters and the log prior."""
        center = {p.name: np.asarray(p.center(), jnp.result_type(float)) for p in self.parameters}
        with numpyro.validation_enabled(False):  # a check of the support selects, but is no kink
            program = jax.make_jaxpr(self._call_prior)(center).jaxpr
        leaves = [name in names for name in sorted(center)]
        return passes(program, leaves, primitives)

    def shapes(self, values: Mapping[str, Any], row: Data) -> list[tuple[int, ...]]:
        """Shapes of the outputs of the log joint for one row: of the first branch that is wrong."""
        found = [self._joint.shapes(dict(values), *z, row) for z in self._first_states()]
        return next((shapes for shapes in found if shapes != [()]), [()])

    def prior_shapes(self, values: Mapping[str, Any]) -> list[tuple[int, ...]]:
        """Shapes of the outputs of the log prior."""
        return self._prior.shapes(dict(values))

    def reads(self, values: Mapping[str, Any], row: Data) -> tuple[dict[str, bool], bool]:
        """Which parameters the log joint or a prior depends on, and whether on the state."""
        names = sorted(values)
        in_joint, of_state = dict.fromkeys(names, False), False
        for z in self._first_states():
            flags = self._joint.reads(dict(values), *z, row)
            for name, read in zip(names, flags, strict=False):
                in_joint[name] |= read
            of_state |= any(flags[len(names) : len(names) + len(jax.tree.leaves(z))])
        return in_joint, of_state

    def meanings(self, values: Mapping[str, Any], row: Data) -> list[bytes | None]:
        """Digests of the log joint, one a branch, and of the log prior; see `Traced.meaning`."""
        joints = [self._joint.meaning(dict(values), *z, row) for z in self._first_states()]
        return [*joints, self._prior.meaning(dict(values))]

    def _first_states(self):
        return jax.tree.map(lambda s: s[0], self.latent.branches())

    def _call_joint(self, values, *args):
        # NumPyro then gives -inf, not a number, outside the support of a distribution.
        with numpyro.validation_enabled():
            return self.log_joint(self.nest(values), *args)

    def _weigh_table(self, values, rows, responsibilities):
        table, held = self.table(values, rows), responsibilities != 0
        return jnp.where(held, responsibilities * jnp.where(held, table, 0.0), 0.0).sum()

    def _call_prior(self, values):
        params = self.nest(values)
        total = jnp.zeros((), jnp.result_type(float))
        for parameter in self.free:
            if parameter.described != "flat":
                prior = parameter.distribution(params)
                total = total + jnp.sum(prior.log_prob(values[parameter.name]))
        for parameter in self.tied:
            if parameter.weighed:
                total = total + parameter.log_density(params)
        return total if self.factor is None else total + self.factor(params)

    def __repr__(self) -> str:
        names = ", ".join(p.name for p in self.parameters)
        return f"Model({self.latent!r}; {names})"
