"""The log densities of all sites as a function of the hidden values, on all data, traced once.

The trace shows which density depends on which value, and its values are the reference with which
the evaluation row by row is compared (`trial`).
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxem.compiled.program import CompiledProgram
from jaxem.programs.run import Run, run
from jaxem.traces.dependence import dependence, evaluate

Dependence = dict[str, frozenset[str]]


class Densities:
    """Log densities of the sites of a program.

    Args:
        program: The program with its arguments.
        whole: A run of it.
        hidden: Names of its hidden sites and param sites.

    Attributes:
        densities_on: For every sample site, the hidden values on which its log density depends.
        supports_on: For every hidden sample site, those on which its support depends.
    """

    def __init__(self, program: Callable[[], Any], whole: Run, hidden: tuple[str, ...]):
        self.hidden = hidden

        def evaluate(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
            sites = run(program, values).sites
            sampled = {name: s for name, s in sites.items() if s.kind == "sample"}
            inside = {
                name: jnp.all(s.support(s.value))
                for name, s in sampled.items()
                if name in hidden and s.support is not None
            }
            return {name: s.log_density() for name, s in sampled.items()}, inside

        given = {name: jnp.asarray(whole.sites[name].value) for name in hidden}
        with warnings.catch_warnings():  # impossible rows are named once there is a model
            warnings.filterwarnings("ignore", "Out-of-support values")
            closed, shapes = jax.make_jaxpr(evaluate, return_shape=True)(given)
        self._jaxpr, self._constants = closed.jaxpr, closed.consts
        self._tree = jax.tree.structure(shapes)
        self.densities_on, self.supports_on = self._tree.unflatten(self._dependence())
        self._compiled = CompiledProgram(self._evaluate, "densities of a program")

    def __call__(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Log densities, of the shape of the plates of each site.

        Args:
            values: Values of the hidden sites that matter; the others may be left out.
        """
        shapes = zip(self.hidden, self._inputs(), strict=True)
        given = {k: jnp.asarray(values.get(k, jnp.zeros(s, t)), t) for k, (s, t) in shapes}
        found = self._compiled(self._constants, [given[k] for k in sorted(given)])
        return {name: np.asarray(value) for name, value in found[0].items()}

    def _inputs(self) -> list[tuple[Any, Any]]:
        by_name = dict(zip(sorted(self.hidden), self._jaxpr.invars, strict=True))
        return [(by_name[name].aval.shape, by_name[name].aval.dtype) for name in self.hidden]

    def _evaluate(self, constants: Any, values: list[Any]) -> Any:
        # Data are constants of the trace: given as arguments, they are not compiled into it.
        return self._tree.unflatten(evaluate(self._jaxpr, constants, values))

    def _dependence(self) -> list[frozenset[str]]:
        """Names on which each result depends; results of a nested call on all its inputs."""
        return dependence(self._jaxpr, sorted(self.hidden))
