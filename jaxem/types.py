"""Names for the shapes of things that travel through jaxem."""

from collections.abc import Callable
from typing import Any

import jax

Array = jax.Array

#: A nested dictionary of arrays, one leaf a parameter.
Params = dict[str, Any]

#: Any pytree of arrays that share their first axis, the rows.
Data = Any

#: One latent state: an int, or a dictionary of ints.
State = Any

#: ``log_joint(params, z, x)``, the scalar log density of one row and its latent state; or, for
#: chains, ``log_joint(params, z_prev, z, x)``.
LogJoint = Callable[..., Array]


class DeclarationError(ValueError):
    """A model, its data or a start cannot be used as given; the message says what to do."""
