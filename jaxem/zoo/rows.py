"""The check that a row has the entries that a model of the zoo was declared for."""

import jax.numpy as jnp

from jaxem.types import Array, DeclarationError


def check_entries(x: Array, entries: int, what: str) -> None:
    """Whether a row has so many entries; a single one may be a number.

    Without it a row of one entry would be broadcast against all of them, without an error.

    Args:
        x: The row.
        entries: The number of entries.
        what: What they are, in the plural.

    Raises:
        DeclarationError: If it has another number.
    """
    shape = jnp.shape(x)
    if shape == (entries,) or (entries == 1 and shape == ()):
        return
    raise DeclarationError(
        f"the model was declared for {entries} {what}, so that a row has shape ({entries},); a row "
        f"of these data has shape {shape}."
    )
