"""The log joint of one datum, by running the program on one row.

The arguments that carry rows are cut to one row, the plates of the data to one element, and the
log densities of the sites inside these plates are added. A plate that is cut like this is one of
which a subsample of size one was drawn, and NumPyro would scale its log densities by its size; no
scale is applied here.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jaxem.programs.anatomy import Anatomy
from jaxem.programs.layout import Layout
from jaxem.programs.run import run
from jaxem.programs.states import States
from jaxem.types import Array, Params, State


class Datum:
    """The log joint of a row, as a `Model` takes it.

    Args:
        anatomy: What the program is made of.
        states: Its hidden states.
        layout: Where the rows are.
    """

    def __init__(self, anatomy: Anatomy, states: States, layout: Layout):
        self.anatomy, self.states, self.layout = anatomy, states, layout

    def __call__(self, params: Params, z: State, row: Mapping[str, Any]) -> Array:
        """Log density of the row and its hidden state."""
        values = {**self._parameters(params, row), **self.states.values(z)}
        program = self.layout.arguments.call(self.layout.leaves(row))
        sites = run(program, values, self.anatomy.plates).sites
        return sum(
            (jnp.sum(sites[name].log_density()) for name in sites if name in self.anatomy.inner),
            start=jnp.zeros(()),
        )

    def _parameters(self, params: Params, row: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters as they are in the plates of this row."""
        indices = self.layout.indices(row)
        found = {}
        for site in self.anatomy.parameters:
            value = params[site.name]
            for plate, dim in site.plates.items():
                if site.kind == "sample" and plate in indices:
                    value = jnp.take(value, indices[plate][None], axis=dim - site.fn.event_dim)
            found[site.name] = value
        return found
