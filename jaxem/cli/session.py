"""JAX as the command line runs it: float64, and programs compiled only once.

The command line owns its process, so it may set what the library never sets by itself.
"""

import contextlib

from jaxem.types import DeclarationError


def prepare() -> None:
    """Set up JAX; to be called before the first array is made."""
    import jax

    from jaxem.compiled.on_disk import remember

    jax.config.update("jax_enable_x64", True)
    if jax.config.values["jax_compilation_cache_dir"] is None:
        with contextlib.suppress(DeclarationError):  # a read-only home only costs time
            remember()
