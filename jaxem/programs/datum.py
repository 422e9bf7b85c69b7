"""The log joint of one datum, by running the program on one row.

The arguments that carry rows are cut to one row, the plates of the data to one element, and the
log densities of the sites inside these plates are added. NumPyro would take such a plate for a
subsample of size one, and scale its log densities by the size of the plate; no scale is applied
here. Of a chain a row is a step, and its scan is cut to that step.
"""

from collections.abc import Collection, Mapping
from typing import Any

import jax.numpy as jnp

from jaxem.programs.anatomy import Anatomy
from jaxem.programs.layout import Layout
from jaxem.programs.run import run
from jaxem.programs.scans import ScanStep
from jaxem.programs.states import States
from jaxem.types import Array, Params, State


class Datum:
    """The log joint of a row, as a `Model` takes it.

    Args:
        anatomy: The parts of the program.
        states: Its hidden states.
        layout: The axes of the arguments that run over the rows.
    """

    def __init__(self, anatomy: Anatomy, states: States, layout: Layout):
        self.anatomy, self.states, self.layout = anatomy, states, layout

    def __call__(self, params: Params, z: State, row: Mapping[str, Any]) -> Array:
        """Log density of the row and its hidden state."""
        return self._joint(params, z, row, self.anatomy.inner, None)

    def _joint(
        self,
        params: Params,
        z: State,
        row: Mapping[str, Any],
        counted: Collection[str],
        step: ScanStep | None,
    ) -> Array:
        """Sum of the log densities of some sites."""
        values = {**self._parameters(params, row), **self.states.values(z)}
        program = self.layout.arguments.call(self.layout.leaves(row))
        sites = run(program, values, self.anatomy.plates, step).sites
        return sum(
            (jnp.sum(sites[name].log_density()) for name in sites if name in counted),
            start=jnp.zeros(()),
        )

    def _parameters(self, params: Params, row: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters, those inside a plate of the data taken at this row."""
        indices = self.layout.indices(row)
        found = {}
        for site in self.anatomy.parameters:
            value = params[site.name]
            for plate, dim in site.plates.items():
                if site.kind == "sample" and plate in indices:
                    value = jnp.take(value, indices[plate][None], axis=dim - site.fn.event_dim)
            found[site.name] = value
        return found


class StepOfChain(Datum):
    """The log joint of a step given the state before, as a `Model` of a `Chain` takes it.

    The first step is made of the sites before the scan, if a hidden state is among them; else it is
    the first step of the scan.
    """

    def __call__(
        self, params: Params, z_prev: State | None, z: State, row: Mapping[str, Any]
    ) -> Array:
        """Log density of the step's data and hidden state."""
        sites = self.anatomy.whole.sites
        before = {name for name in self.anatomy.inner if not sites[name].scanned}
        inside = self.anatomy.inner - before
        if z_prev is not None:
            step = ScanStep(self.states.values(z_prev), True, self.layout.clock_of(row))
            return self._joint(params, z, row, inside, step)
        if self.anatomy.first:
            return self._joint(params, z, row, before, ScanStep(None, False, {}))
        return self._joint(params, z, row, self.anatomy.inner, ScanStep(None, True, {}))
